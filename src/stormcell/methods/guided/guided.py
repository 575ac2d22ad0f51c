"""S-PROG made better by a recurrent network: the method, from scans to fields of rain."""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, make_forecast, step_of
from stormcell.methods.guided.chances import Chances
from stormcell.methods.guided.fields import PRODUCTS, Product, field_above, matched, mean_of, monotone
from stormcell.methods.guided.start import Start, start_of
from stormcell.methods.method import refuse_members
from stormcell.methods.trained_model import TrainedModel
from stormcell.motion import Trajectories
from stormcell.progress import track
from stormcell.warp import Sampler

if TYPE_CHECKING:
    from stormcell.networks.guided import Guided

__all__ = ["GuidedForecast"]

Floats = NDArray[np.float32]

_GROWTH = 2.0  # how much stronger than any rain in the past a forecast may be


@dataclass(frozen=True, repr=False)
class GuidedForecast:
    """A network of the kind `stormcell.networks.guided` mends S-PROG's forecast.

    S-PROG and what the network makes of it are fields that move with the rain; they are carried along the motion at the end, once. The
    network works on its own pixels and time step, its first guess and the carrying on the radar's. What it says is how likely each of some
    rain rates is exceeded. Which field is made of that depends on what it is for:

    - "decision": as strong as what has a probability of p or more, with p for each rate and lead time so that the critical success index
      is best on training days. To warn by.
    - "mean": of the distribution, smooth; it has the least squared error.
    - "median": it has the least absolute error, and is dry where rain is less likely than not.
    - "matched": the mean, with the spread of rain rates that the distributions have over the whole area.

    *NaN.* A place has NaN where the motion brings rain from what the last scan did not see.

    *Bounds.* Rain is never stronger than twice the strongest of the past. A dry past has a dry forecast.

    *Far ahead.* Beyond the steps it was trained for the network rolls on, which `rolled_on` in the attributes says.

    Args:
        model: the name of a model that ships, or the folder of a checkpoint.
        product: which field.
        tile: the largest side of what goes through the network at once [the model's pixels]; memory grows with its square.
        overlap: width of the strip in which two tiles fade into each other [the model's pixels].
        precision: "bfloat16" or "float32".
        device: where the network runs, in the words of torch.

    Raises:
        MethodError: there is no such model or product.
    """

    model: str | Path
    product: Product = "decision"
    tile: int = 384
    overlap: int = 64
    precision: str = "bfloat16"
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", str(self.model))
        _ = self._trained  # a model that is not there is told of now
        for what, value, allowed in (("product", self.product, PRODUCTS), ("precision", self.precision, ("float32", "bfloat16"))):
            if value not in allowed:
                raise MethodError(f"{self.name}: expected the {what} to be one of {', '.join(allowed)}, got {value!r}")

    @cached_property
    def _trained(self) -> TrainedModel:
        return TrainedModel(str(self.model), self.device)

    @property
    def name(self) -> str:
        """What the method is called in the forecast: the name of the model's folder."""
        return self._trained.name

    @property
    def identity(self) -> str:
        """What tells it from other methods wherever its folder lies.

        Raises:
            ReadError: it is no checkpoint.
        """
        return f"model {self._trained.fingerprint}, {self.product}"

    @property
    def past_steps(self) -> int:
        """How many scans it was trained to read, of a radar with its time step."""
        return self._trained.config.past_steps

    def __repr__(self) -> str:
        """With the name of the model and not its path, which is of one machine alone."""
        others = (f"{item.name}={getattr(self, item.name)!r}" for item in fields(self) if item.name != "model")
        return f"GuidedForecast({self.name!r}, {', '.join(others)})"

    def __getstate__(self) -> dict[str, Any]:
        """Only the settings, so that it is handed to another process without the weights."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`."""
        refuse_members(self.name, members)
        check_frames(past)
        config = self._trained.config
        leads = np.asarray(lead_times) / step_of(past)
        start = start_of(
            past,
            float(leads[-1]),
            scans=config.past_steps,
            step_minutes=config.step_minutes,
            pixel_km=config.pixel_km,
            name=self.name,
        )
        leads = leads + start.late
        said: dict[str, Any] = {"model": config.network, "model_fingerprint": self._trained.fingerprint, "product": self.product}
        if start.guess.said:
            said["fallback"] = start.guess.said
        if leads[-1] / start.step > config.future_steps + 1e-6:
            said["rolled_on"] = f"beyond the {config.future_steps * config.step_minutes:g} min that the model was trained for"
        rain_rate = self._carried(start, [float(lead) for lead in leads])
        return make_forecast(rain_rate[None], past, lead_times, method=self.name, steps_since_last_scan=start.late, **said)

    def _carried(self, start: Start, leads: list[float]) -> Floats:
        """(lead, y, x) [mm h-1] for leads in radar steps since the last scan."""
        sampler = Sampler(start.last)
        rain_rate = np.empty((len(leads), *sampler.shape), np.float32)
        wet = float(np.nanmax(start.guess.past)) >= self._network.rates[0]
        chances = Chances.of(self._network, start, precision=self.precision, tile=self.tile, overlap=self.overlap) if wet else None
        bound = np.float32(_GROWTH * float(np.nanmax(start.guess.past)))
        places = Trajectories(start.guess.motion).followed(leads)
        for row, lead, place in zip(rain_rate, track(leads, "forecast"), places, strict=True):
            field = np.zeros(sampler.shape, np.float32) if chances is None else self._field(chances, lead / start.step)
            row[:] = sampler.holding(np.minimum(field, bound)).at(*place)
            row[row < self._network.rates[0]] = 0.0
        return rain_rate

    def _field(self, chances: Chances, step: float) -> Floats:
        """(y, x) [mm h-1] that the product asks for, at a time in the model's steps."""
        levels = np.array(self._network.rates, np.float32)
        logits = monotone(chances.at(step))
        match self.product:
            case "decision":
                return field_above(monotone(logits - chances.least(step)[:, None, None]), levels)
            case "median":
                return field_above(logits, levels)
            case "mean":
                return mean_of(logits, levels)
            case "matched":
                return matched(mean_of(logits, levels), logits, levels)

    @property
    def _network(self) -> "Guided":
        return cast("Guided", self._trained.network)
