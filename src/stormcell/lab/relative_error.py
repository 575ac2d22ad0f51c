"""How good films are that a network forecasts, beside something that anyone could say."""

from torch import Tensor

__all__ = ["relative_error"]


def relative_error(forecast: Tensor, future: Tensor, reference: Tensor | float) -> list[float]:
    """For each lead time, squared error over that of the reference: 0 is perfect, 1 as bad as the reference.

    Args:
        forecast, future: (film, time, 1, y, x).
        reference: a forecast that knows nothing: 0 for an empty one, or the mean of many films.
    """
    all_but_time = (0, 2, 3, 4)
    shares: list[float] = ((forecast - future).square().sum(all_but_time) / (future - reference).square().sum(all_but_time)).tolist()
    return shares
