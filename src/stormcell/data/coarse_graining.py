"""Rain as a coarser radar would see it."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["coarse_grain"]


def coarse_grain(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Average rain rate over blocks of side x side pixels: water is kept, peaks are not.

    The mean is over the pixels that were seen; a block of which less than half was seen is NaN. Rows and columns that fill no block
    are dropped at the south and east, as in `Grid.coarsen`.

    Args:
        values: (time, y, x) [mm h-1], NaN not seen.
        side: of a block [pixels].

    Returns:
        (time, y // side, x // side); `values` themselves if `side` is 1.

    Example:
        >>> coarse_grain(np.array([[[1.0, 3.0], [np.nan, 2.0]]], np.float32), 2)
        array([[[2.]]], dtype=float32)
    """
    if side == 1:
        return values
    rows, columns = values.shape[1] // side, values.shape[2] // side
    values = values[:, : rows * side, : columns * side]
    seen = ~np.isnan(values)
    known = np.where(seen, values, np.float32(0))
    total = np.zeros((values.shape[0], rows, columns), np.float32)
    count = np.zeros(total.shape, np.int32)
    for row in range(side):
        for column in range(side):
            total += known[:, row::side, column::side]
            count += seen[:, row::side, column::side]
    return np.where(2 * count >= side * side, total / np.maximum(count, 1), np.nan).astype(np.float32)
