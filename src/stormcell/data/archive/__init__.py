"""Radar scans kept for good: one Zarr archive on an even time axis, to which scans are added and from which any part is read."""

from stormcell.data.archive.archive import Archive, is_archive
from stormcell.data.archive.profile import PROFILES

__all__ = ["PROFILES", "Archive", "is_archive"]
