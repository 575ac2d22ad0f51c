"""What can be chosen about a cascade, checked before any work is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.methods.cascade.domain import BOUNDARIES, Boundary
from stormcell.methods.cascade.mask import MASKS, Mask
from stormcell.methods.cascade.matching import MATCHINGS, Matching
from stormcell.motion import lucas_kanade

__all__ = ["NOISES", "NoiseKind", "Settings"]

Floats = NDArray[np.float32]

NoiseKind = Literal["nonparametric", "parametric", "local"]
NOISES = ("nonparametric", "parametric", "local")


@dataclass(frozen=True)
class Settings:
    """Settings of the engine; see `Sprog` and `Steps` for what they mean.

    Raises:
        MethodError: a setting is none of those that there are.
    """

    cascade_levels: int = 6
    ar_order: int = 2
    noise: NoiseKind | None = None
    motion_noise: bool = False
    mask: Mask | None = None
    matching: Matching | None = "cdf"
    boundary: Boundary = "mirror"
    estimate: Callable[[Floats], Floats] = lucas_kanade
    past_steps: int = 4

    def __post_init__(self) -> None:
        for what, value, allowed in (
            ("ar_order", self.ar_order, (1, 2)),
            ("noise", self.noise, (*NOISES, None)),
            ("mask", self.mask, (*MASKS, None)),
            ("matching", self.matching, (*MATCHINGS, None)),
            ("boundary", self.boundary, BOUNDARIES),
        ):
            if value not in allowed:
                raise MethodError(f"cascade: expected {what} to be one of {', '.join(map(str, allowed))}, got {value!r}")
        if self.cascade_levels < 2 or self.past_steps < 2:
            raise MethodError(f"cascade: expected 2 levels and 2 past steps or more, got {self.cascade_levels} and {self.past_steps}")
