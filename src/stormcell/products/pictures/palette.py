"""One palette for all pictures of an animation: small files, and a colour never flickers."""

from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Palette"]

Picture = NDArray[np.uint8]
_BITS = 6  # colours are looked up by the upper 6 bits of red, green and blue


@final
class Palette:
    """The 256 most frequent colours of a picture, and the nearest of them for any other colour.

    Flat areas keep their exact colour, because they are frequent; what is rounded is the smooth edge of a letter or a line.

    Args:
        specimen: (y, x, 3) red, green, blue; a picture with all that the others will show.
    """

    def __init__(self, specimen: Picture) -> None:
        from PIL import Image

        packed = specimen.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
        colours, counts = np.unique(packed, return_counts=True)
        colours = colours[np.argsort(counts)[::-1][:256]]
        self._table = np.zeros((256, 3), dtype=np.uint8)
        self._table[: len(colours)] = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
        self._table[len(colours) :] = self._table[0]
        swatch = Image.new("P", (1, 1))
        swatch.putpalette(self._table.tobytes())
        levels = np.arange(1 << _BITS, dtype=np.uint8) * (1 << 8 - _BITS) + (1 << 7 - _BITS)
        every = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1 << _BITS, -1, 3)
        self._nearest = np.asarray(Image.fromarray(every).quantize(palette=swatch, dither=Image.Dither.NONE)).ravel().copy()
        self._nearest[_cell(self._table[: len(colours)])[::-1]] = np.arange(len(colours), dtype=np.uint8)[::-1]

    def image(self, picture: Picture) -> "Image":
        """A (y, x, 3) picture as an indexed image of Pillow."""
        from PIL import Image

        indexed = Image.fromarray(self._nearest[_cell(picture)])
        indexed.putpalette(self._table.tobytes())
        return indexed


def _cell(colours: Picture) -> NDArray[np.uint32]:
    drop = 8 - _BITS
    red, green, blue = (colours[..., band].astype(np.uint32) >> np.uint32(drop) for band in range(3))
    cell: NDArray[np.uint32] = red << np.uint32(2 * _BITS) | green << np.uint32(_BITS) | blue
    return cell
