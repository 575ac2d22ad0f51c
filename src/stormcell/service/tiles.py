"""Map tiles of published fields: coloured, small, and made once."""

import io
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stormcell.products.colours import MISSING, PROBABILITY, RAIN_TABLES, ColourScale, RainTable
from stormcell.service.byte_cache import ByteCache
from stormcell.service.fields_cache import FieldsCache
from stormcell.service.mercator import Frame, pixels_under

__all__ = ["NOT_SEEN", "ImageFormat", "Tile", "Tiles", "Unseen", "encode"]

ImageFormat = Literal["png", "webp"]
Unseen = Literal["tone", "transparent"]
Palette = NDArray[np.uint8]

NOT_SEEN = (110, 110, 110, 56)
"""Red, green, blue and alpha where nobody knows whether it rains: a faint grey that lets the map show through."""


def _palette(scale: ColourScale, unseen: tuple[int, int, int, int]) -> Palette:
    """(256, 4): dry, then the classes, then what was not seen."""
    table = np.zeros((256, 4), np.uint8)
    for number, colour in enumerate(scale.colours, start=1):
        table[number] = (*bytes.fromhex(colour[1:]), 255)
    table[MISSING] = unseen
    return table


_PALETTES = {
    (name, table, unseen): _palette(scale if name == "rain_rate" else PROBABILITY, NOT_SEEN if unseen == "tone" else (0, 0, 0, 0))
    for name in ("rain_rate", "probability")
    for table, scale in RAIN_TABLES.items()
    for unseen in ("tone", "transparent")
}


_COVERAGE = np.zeros((256, 4), np.uint8)
_COVERAGE[MISSING] = (0, 0, 0, 255)


@dataclass(frozen=True)
class Tile:
    """A square of the map that somebody wants.

    Args:
        key: of the field.
        variable: "rain_rate" or "probability".
        index: of the plane in what comes before (y, x).
        frame: the square.
        form: of the file.
        palette: what shows where nothing was seen: a faint tone, nothing, or as "coverage" nothing but that, in black.
        table: the colours of rain.
    """

    key: str
    variable: str
    index: tuple[int, ...]
    frame: Frame
    form: ImageFormat
    palette: Unseen | Literal["coverage"]
    table: RainTable = "stormcell"


@final
class Tiles:
    """Makes tiles, and keeps them with the places of their pixels. May be called from any thread.

    Args:
        fields: what is drawn.
        capacity: bytes that are kept, half of them for tiles and half for places.
    """

    def __init__(self, fields: FieldsCache, capacity: int) -> None:
        self._fields = fields
        self.images: ByteCache[bytes] = ByteCache(capacity // 2, len)
        self.places: ByteCache[NDArray[np.int32]] = ByteCache(capacity // 2, lambda places: places.nbytes)

    def kept(self, tile: Tile) -> bytes | None:
        """The image if it has been made; this never waits."""
        return self.images.peek(tile)

    def image(self, tile: Tile) -> bytes:
        """The image of a tile; this may take a while.

        Each pixel has the colour of the radar pixel under its middle: no value is made up between two. Dry is transparent.

        Raises:
            ReadError: the field is gone.
            FramesError: it has no such variable.
        """
        return self.images.get(tile, lambda: self._draw(tile))

    def _draw(self, tile: Tile) -> bytes:
        grid = self._fields.field(tile.key).grid
        places = self.places.get((grid, tile.frame), lambda: pixels_under(grid, tile.frame))
        classes = self._fields.classes(tile.key, tile.variable, tile.index)[places]  # place -1 is the last one, which is missing
        if tile.palette == "coverage":
            return encode(np.where(classes == MISSING, np.uint8(MISSING), np.uint8(0)), _COVERAGE, tile.form)
        return encode(classes, _PALETTES[tile.variable, tile.table, tile.palette], tile.form)


def encode(classes: NDArray[np.uint8], palette: Palette, form: ImageFormat) -> bytes:
    """An image file of colour classes.

    Args:
        classes: (y, x), 0 to 14 or `MISSING`.
        palette: (256, 4) red, green, blue, alpha of each.
        form: of the file; both are lossless.
    """
    buffer = io.BytesIO()
    if form == "webp":
        Image.fromarray(palette[classes]).save(buffer, "WEBP", lossless=True, quality=20, method=0, exact=False)
        return buffer.getvalue()
    small = np.append(palette[:15], palette[MISSING:], axis=0)  # sixteen colours fit into four bits
    image = Image.fromarray(np.minimum(classes, 15))
    image.putpalette(small[:, :3].tobytes())
    image.save(buffer, "PNG", bits=4, compress_level=6, transparency=small[:, 3].tobytes())
    return buffer.getvalue()
