"""Rain as networks see it: rain rates [mm h-1] to numbers from 0 to 1 and back."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from stormcell.errors import UnitsError

__all__ = ["Representation"]

_SLACK = 1e-5  # of the scale; what rounding may take from the level of the weakest rain


@dataclass(frozen=True)
class Representation:
    """The scale on which a network reads and writes rain.

    x = clip((dBZ - low) / (high - low), 0, 1),   dBZ = 10 log10 a + 10 b log10 R

    Rain below `dry_below` is 0, on the way in and on the way out, so a dry place is 0 and nothing else; NaN stays NaN. The rule a, b
    belongs to the scale and not to the radar: any radar's rain rate may pass through it.

    Args:
        quantity: "reflectivity" for rain; "grey" for images that are numbers from 0 to 1 already, which pass as they are.
        low_dbz: reflectivity that becomes 0 [dBZ].
        high_dbz: reflectivity that becomes 1; stronger rain counts as this.
        a: factor of Z = a R^b.
        b: exponent of it.
        dry_below: the weakest rain that counts [mm h-1].

    Raises:
        UnitsError: a number that makes no scale.
    """

    quantity: Literal["reflectivity", "grey"] = "reflectivity"
    low_dbz: float = 0.0
    high_dbz: float = 60.0
    a: float = 200.0
    b: float = 1.6
    dry_below: float = 0.1

    def __post_init__(self) -> None:
        if self.quantity not in ("reflectivity", "grey"):
            raise UnitsError(f"representation: expected the quantity reflectivity or grey, got {self.quantity!r}")
        if not all(math.isfinite(number) for number in (self.low_dbz, self.high_dbz, self.a, self.b, self.dry_below)):
            raise UnitsError(f"representation: expected finite numbers, got {self}")
        if not (self.low_dbz < self.high_dbz and self.a > 0 and self.b > 0 and self.dry_below > 0):
            raise UnitsError(f"representation: expected low_dbz below high_dbz, and a, b and dry_below above 0, got {self}")
        if self.quantity == "reflectivity" and not self.low_dbz <= self._dbz(self.dry_below) < self.high_dbz:
            raise UnitsError(
                f"representation: the weakest rain of {self.dry_below:g} mm/h is {self._dbz(self.dry_below):.4g} dBZ; "
                f"expected it on the scale from {self.low_dbz:g} to {self.high_dbz:g} dBZ"
            )

    @property
    def top(self) -> float:
        """The strongest rain that it can tell [mm h-1]; for grey images their largest number, 1."""
        return 1.0 if self.quantity == "grey" else float(10.0 ** ((self.high_dbz - self._dbz(1.0)) / (10.0 * self.b)))

    def level(self, rain_rate: float) -> float:
        """x of one rain rate [mm h-1]: where on the scale a threshold lies."""
        if self.quantity == "grey":
            return float(rain_rate)
        if rain_rate < self.dry_below:
            return 0.0
        return min(max((self._dbz(rain_rate) - self.low_dbz) / (self.high_dbz - self.low_dbz), 0.0), 1.0)

    def forward(self, rain_rate: Tensor) -> Tensor:
        """Rain rate [mm h-1] to x; same shape and precision."""
        if self.quantity == "grey":
            return rain_rate
        scale = self.high_dbz - self.low_dbz
        x = (torch.log10(rain_rate) * (10.0 * self.b / scale) + (self._dbz(1.0) - self.low_dbz) / scale).clamp(0.0, 1.0)
        return torch.where(rain_rate < self.dry_below, torch.zeros_like(x), x)

    def inverse(self, x: Tensor) -> Tensor:
        """x to rain rate [mm h-1]; x above 1 counts as 1, x below the level of the weakest rain is dry."""
        if self.quantity == "grey":
            return x
        decades = (self.high_dbz - self.low_dbz) / (10.0 * self.b)
        rain_rate = torch.exp((x.clamp(max=1.0) * decades + (self.low_dbz - self._dbz(1.0)) / (10.0 * self.b)) * math.log(10.0))
        return torch.where(x < self.level(self.dry_below) - _SLACK, torch.zeros_like(rain_rate), rain_rate)

    def _dbz(self, rain_rate: float) -> float:
        return 10.0 * math.log10(self.a) + 10.0 * self.b * math.log10(rain_rate)
