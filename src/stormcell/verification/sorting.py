"""Sort the members of an ensemble at every pixel, with minima and maxima of whole rows of pixels."""

from collections.abc import Sequence
from functools import cache
from itertools import zip_longest

import numpy as np

from stormcell.verification.fields import Field

__all__ = ["in_order", "sorting_network"]


def in_order(rows: Sequence[Field], room: Sequence[Field]) -> list[Field]:
    """Sort the values of each pixel over the rows, smallest first.

    A sorting network: which two rows to compare does not depend on what they hold, so that each comparison is one minimum and one
    maximum over all pixels at once, several times quicker than sorting pixel by pixel.

    Args:
        rows: (pixel,) each; not overwritten.
        room: one array more than there are rows, as large as they are; overwritten.

    Returns:
        As many arrays, out of `room`; of a single row, that row itself.
    """
    rows, free = list(rows), list(room)
    given = [True] * len(rows)  # still as it came, not to be overwritten
    comparisons, order = sorting_network(len(rows))
    for low, high in comparisons:
        a, b = rows[low], rows[high]
        rows[low] = np.minimum(a, b, out=free.pop())
        rows[high] = np.maximum(a, b, out=free.pop() if given[high] else b)
        if not given[low]:
            free.append(a)
        given[low] = given[high] = False
    return [rows[place] for place in order]


@cache
def sorting_network(count: int) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Batcher's odd-even merge sort of `count` values.

    Each half is sorted by itself, then the two are merged: their even places with each other, their odd places with each other, and
    at last neighbours. One half is finished before the other is begun, which keeps its rows in the cache.

    Returns:
        Pairs of places to put in order, the smaller value first, one pair after the other, 127 for 24; and the places in the order of
        what they hold in the end.

    Source:
        Batcher (1968), doi:10.1145/1468075.1468121; for halves of any size Knuth, The Art of Computer Programming, vol. 3, 5.3.4.
    """
    comparisons: list[tuple[int, int]] = []

    def merged(a: list[int], b: list[int]) -> list[int]:
        if not a or not b:
            return a + b
        if len(a) == len(b) == 1:
            comparisons.append((a[0], b[0]))
            return a + b
        even, odd = merged(a[::2], b[::2]), merged(a[1::2], b[1::2])
        comparisons.extend(zip(odd, even[1:], strict=False))
        return [place for pair in zip_longest(even, odd) for place in pair if place is not None]

    def ordered(places: list[int]) -> list[int]:
        half = len(places) // 2
        return merged(ordered(places[:half]), ordered(places[half:])) if half else places

    order = ordered(list(range(count)))
    return tuple(comparisons), tuple(order)
