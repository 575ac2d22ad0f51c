"""What may differ from one archive to another: names, tiles, and whether gaps are part of the time axis."""

from dataclasses import dataclass

from stormcell.frames import STANDARD_NAME, UNITS

__all__ = ["PROFILES", "Profile"]

_TILE = 256  # pixels a side
_LARGEST_WHOLE = 512 * 512  # pixels


@dataclass(frozen=True)
class Profile:
    """How an archive is laid out.

    Attributes:
        standard_name: CF name of the rain rate.
        units: of it; 1 in them is 1 mm/h.
        keeps_gaps: a slot without a scan is on the time axis, and a late scan can fill it. Otherwise the axis holds scans only, in rising
            order, and the times of missing scans are listed apart.
        tiled: frames larger than 512 x 512 pixels are cut into tiles of 256 x 256, so that a small part of one is read three times as fast.
    """

    standard_name: str
    units: str
    keeps_gaps: bool
    tiled: bool

    def tile(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of a chunk, for frames of this shape."""
        if self.tiled and shape[0] * shape[1] > _LARGEST_WHOLE:
            return min(shape[0], _TILE), min(shape[1], _TILE)
        return shape


PROFILES: dict[str, Profile] = {
    "default": Profile(STANDARD_NAME, UNITS, keeps_gaps=True, tiled=True),
    "mlcast": Profile("rainfall_flux", "kg m-2 h-1", keeps_gaps=False, tiled=False),
}
