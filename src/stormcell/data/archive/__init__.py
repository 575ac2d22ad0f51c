"""Radar scans kept for good: one Zarr archive on an even time axis, to which scans are added and from which any part is read."""

from stormcell.data.archive.archive import Archive, is_archive

__all__ = ["Archive", "is_archive"]
