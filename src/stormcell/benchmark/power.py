"""How time grows with size."""

from collections.abc import Mapping

import numpy as np

__all__ = ["power"]


def power(times: Mapping[str, float] | Mapping[int, float]) -> float:
    """The p of time ~ size^p, by least squares on logarithms.

    Args:
        times: size, a number or its digits -> seconds.
    """
    return float(np.polyfit(np.log([float(size) for size in times]), np.log(list(times.values())), 1)[0])
