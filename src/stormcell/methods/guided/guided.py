"""S-PROG made better by a recurrent network: the method, from scans to fields of rain."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, grid_of, make_forecast, step_of
from stormcell.methods.cascade import Sprog, Steps
from stormcell.methods.guided.chances import Chances
from stormcell.methods.guided.fields import PRODUCTS, Product, balanced, field_above, grey_mean, matched, mean_of, monotone, rain_at
from stormcell.methods.guided.members import Ranks
from stormcell.methods.guided.said import Said
from stormcell.methods.guided.start import Start, start_of
from stormcell.methods.in_runtime import forward_in
from stormcell.methods.method import Method
from stormcell.methods.resampled import can_be_converted
from stormcell.methods.trained_model import TrainedModel, settings_of, words_for
from stormcell.motion import Trajectories
from stormcell.progress import track
from stormcell.runtimes import runtime_named
from stormcell.warp import Sampler

if TYPE_CHECKING:
    from stormcell.networks.guided import Guided
    from stormcell.runtimes.exported import Forward

__all__ = ["GuidedForecast"]

Floats = NDArray[np.float32]

_GROWTH = 2.0  # how much stronger than any rain in the past a forecast may be


@dataclass(frozen=True, repr=False)
class GuidedForecast:
    """A network of the kind `stormcell.networks.guided` mends S-PROG's forecast.

    S-PROG and what the network makes of it are fields that move with the rain; they are carried along the motion, once. The network works
    on its own pixels and time step, its first guess and the carrying on the radar's. What it says is how likely each of some rain rates is
    exceeded at each place. Which field is made of that depends on what it is for:

    - "decision": as strong as what is likely enough to be said, see `stormcell.methods.guided.decision`. To warn by.
    - "mean": of the distribution, smooth; it has the least squared error.
    - "median": it has the least absolute error, and is dry where rain is less likely than not.
    - "matched": the mean, with the spread of rain rates that the distributions have over the whole area.
    - "balanced-mean" and "balanced-median": they have the least B-MSE and B-MAE, errors for which heavy rain counts for more. The
      network says nothing of rain below its lowest level: these two have what the last scan had of it.

    *NaN.* A place has NaN where the motion brings rain from what the last scan did not see.

    *Bounds.* Rain is never stronger than twice the strongest of the past. A dry past has a dry forecast.

    *Pixels.* Where the radar's are too large or too small for the model, S-PROG forecasts in its place, or STEPS if there are members, and
    `fallback` in the attributes says so.

    *Times.* It reads fields one of its own steps apart; of a radar with other steps, what lies between the two scans beside each time.
    Before the first scan, and where one is missing, nothing is known: `past_frames` in the attributes says of how many fields it is, if
    not of all.

    *Little rain.* Where the past has too little of it for S-PROG, the last scan carried on is the first guess, and there is no cascade to
    draw members from: all are the same field. `fallback` says so.

    *Far ahead.* Beyond the steps it was trained for the network rolls on, which `rolled_on` in the attributes says.

    Args:
        model: the name of a model that ships, or the folder of a checkpoint.
        product: which field.
        tile: the largest side of what goes through the network at once [the model's pixels]; memory grows with its square.
        overlap: width of the strip in which two tiles fade into each other [the model's pixels].
        precision: "bfloat16", "float32", or "auto" for the one that is faster on the device, or that the runtime would choose.
        device: where the network's recurrent part runs, in the words of torch.
        runtime: what the network's recurrent part runs in, a name in `stormcell.runtimes.RUNTIMES`; beside torch they have precisions of
            their own, which `stormcell.methods.in_runtime` knows.

    Raises:
        MethodError: there is no such model, product or runtime.
        MissingExtraError: the runtime is not installed.
    """

    model: str | Path
    product: Product = "decision"
    tile: int = 4096
    overlap: int = 64
    precision: str = "auto"
    device: str = "cpu"
    runtime: str = "torch"

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", str(self.model))
        _ = self._trained  # a model that is not there is told of now
        if self.product not in PRODUCTS:
            raise MethodError(f"{self.name}: expected the product to be one of {', '.join(PRODUCTS)}, got {self.product!r}")
        chosen = runtime_named(self.runtime).check(None if self.precision == "auto" else self.precision)
        if self.runtime != "torch":
            object.__setattr__(self, "precision", chosen)

    @cached_property
    def _trained(self) -> TrainedModel:
        return TrainedModel(str(self.model))

    @property
    def _precision(self) -> str:
        """What the network works in."""
        from stormcell.bfloat16 import has_fast_bfloat16

        if self.precision != "auto":
            return self.precision
        return "bfloat16" if has_fast_bfloat16(self.device) else "float32"

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

    @property
    def past_minutes(self) -> float:
        """How far back it looks."""
        return self._trained.config.past_minutes

    def __repr__(self) -> str:
        """See `words_for`."""
        return words_for(self, self.name)

    def __getstate__(self) -> dict[str, Any]:
        """See `settings_of`."""
        return settings_of(self)

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. More members than one are drawn from the distributions at each place, see `Ranks`, whatever the product."""
        check_frames(past)
        if members < 1:
            raise MethodError(f"{self.name}: expected 1 member or more, got {members}")
        config = self._trained.config
        leads = np.asarray(lead_times) / step_of(past)
        pixel_km = grid_of(past).pixel_km
        if not can_be_converted(pixel_km, config.pixel_km):
            method: Method = Sprog() if members == 1 else Steps()
            why = f"pixels of {pixel_km:.3g} km, of which a model of {config.pixel_km:.3g} km says nothing"
            forecast = method(past, lead_times, members=members, seed=seed)
            inner = f"; {forecast.attrs['fallback']}" if "fallback" in forecast.attrs else ""
            return forecast.assign_attrs(method=self.name, fallback=f"{forecast.attrs['method']}: {why}{inner}")
        start = start_of(
            past,
            float(leads[-1]),
            scans=config.past_steps,
            step_minutes=config.step_minutes,
            pixel_km=config.pixel_km,
            name=self.name,
        )
        if members == 1:
            start = start.without_cascade()
        leads = leads + start.late
        said: dict[str, Any] = {
            "model": config.network,
            "model_fingerprint": self._trained.fingerprint,
            "product": self.product if start.guess.cascade is None else "members",
        }
        if self.runtime != "torch":
            said["runtime"] = f"{self.runtime}, {self.precision}"
        known = int(np.isfinite(start.past).any(axis=(1, 2)).sum())
        if known < config.past_steps:
            said["past_frames"] = f"{known} of {config.past_steps}"
        if start.guess.said:
            said["fallback"] = f"first guess by {start.guess.said}"
            if members > 1 and start.guess.cascade is None:
                said["fallback"] += "; without the noise of a cascade all members are the same"
        if leads[-1] / start.step > config.future_steps + 1e-6:
            said["rolled_on"] = f"beyond the {config.future_steps * config.step_minutes:g} min that the model was trained for"
        rain_rate = self._carried(start, [float(lead) for lead in leads], members, seed)
        return make_forecast(rain_rate, past, lead_times, method=self.name, steps_since_last_scan=start.late, **said)

    def _carried(self, start: Start, leads: list[float], members: int, seed: int | None) -> Floats:
        """(member, lead, y, x) [mm h-1] for leads in radar steps since the last scan."""
        sampler, levels = Sampler(start.last), np.array(self._network.rates, np.float32)
        places = Trajectories(start.guess.motion).followed(leads)
        drizzle = np.minimum(np.nan_to_num(start.last, nan=0.0), np.float32(0.99) * levels[0])
        balanced_field = members == 1 and self.product in ("balanced-mean", "balanced-median")
        if start.strongest < levels[0]:
            faint = sampler.holding(drizzle if balanced_field else np.zeros_like(drizzle))
            return np.repeat(np.stack([faint.at(*place) for place in places])[None], members, axis=0)
        rain_rate = np.empty((members, len(leads), *sampler.shape), np.float32)
        bound = np.float32(_GROWTH * start.strongest)
        chances = Chances.of(self._network, start, forward=self._residual, precision=self._precision, tile=self.tile, overlap=self.overlap)
        cascade = start.guess.cascade if members > 1 else None
        ranks = Ranks(cascade, seed, members).steps([max(1, round(lead)) for lead in leads]) if cascade else None
        shift = self._network.member_shift.numpy()
        threads = max(1, cv2.getNumThreads())
        with ThreadPoolExecutor(threads) as pool:
            for index, (lead, place) in enumerate(zip(track(leads, "forecast"), places, strict=True)):
                said = Said(chances.at(lead / start.step, place), pool, threads)
                if ranks is not None:
                    draw = partial(_draw, logits=said.whole(shift), levels=levels, place=place, bound=bound)
                    list(pool.map(draw, rain_rate[:, index], next(ranks)))
                else:
                    faint_rain = np.nan_to_num(sampler.holding(drizzle).at(*place)) if balanced_field else drizzle
                    np.minimum(self._product(said, levels, faint_rain), bound, out=rain_rate[0, index])
                    rain_rate[1:, index] = rain_rate[0, index]
                rain_rate[:, index, np.isnan(sampler.at(*place))] = np.nan
        if not balanced_field:
            rain_rate[rain_rate < levels[0]] = 0.0
        return rain_rate

    def _product(self, said: Said, levels: Floats, drizzle: Floats) -> Floats:
        """(y, x) [mm h-1] of what is said for one time, and of what the last scan, carried, has of rain below the lowest level (y, x)."""
        match self.product:
            case "decision":
                least = said.least()[:, None, None]
                return said.fields(lambda logits, _: field_above(monotone(logits - least, in_place=True), levels))
            case "median":
                return said.fields(lambda logits, _: field_above(logits, levels))
            case "mean":
                return said.fields(lambda logits, _: mean_of(logits, levels))
            case "matched":
                logits = said.whole()
                return matched(mean_of(logits, levels), logits, levels)
            case "balanced-mean":
                return said.fields(lambda logits, rows: grey_mean(balanced(logits, levels), levels, drizzle[rows]))
            case "balanced-median":
                median = said.fields(lambda logits, _: field_above(balanced(logits, levels), levels))
                return np.where(median > 0, median, drizzle)

    @cached_property
    def _residual(self) -> "Forward | None":
        return forward_in(self, self._trained) if self._network.residual is not None else None

    @cached_property
    def _network(self) -> "Guided":
        """Its recurrent part on the device, the rest, which is little, beside the fields."""
        network = cast("Guided", self._trained.network)
        if network.residual is not None:
            network.residual.to(self.device)
        return network


def _draw(
    room: Floats, make: Callable[[], Floats], *, logits: Floats, levels: Floats, place: tuple[Floats, Floats], bound: np.float32
) -> None:
    """One member (y, x) [mm h-1] from chances that are where they will be, and ranks that are still to be carried there.

    Ranks are looked up at the nearest pixel: a mean of ranks would be too near to the middle.
    """
    rank = np.asarray(cv2.remap(make(), *place, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), np.float32)
    np.minimum(rain_at(rank, logits, levels), bound, out=room)
