"""Any trained network as a forecasting method, on any radar's grid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MethodError
from stormcell.frames import Spans, check_frames, grid_of, make_forecast, step_of
from stormcell.methods.between import at_times
from stormcell.methods.calibration import OF_RAIN_RATES, Calibration
from stormcell.methods.calibration_file import NAME, read_calibration
from stormcell.methods.in_runtime import forward_in
from stormcell.methods.method import refuse_members
from stormcell.methods.resampled import Pixels, pixels_between, scans_per_step
from stormcell.methods.scans import Scans, scans_to_read
from stormcell.methods.trained_model import TrainedModel, settings_of, words_for
from stormcell.progress import track
from stormcell.runtimes import runtime_named

if TYPE_CHECKING:
    from torch import Tensor

    from stormcell.networks.checkpoint import ModelConfig
    from stormcell.runtimes.exported import Forward

__all__ = ["Learned"]

Floats = NDArray[np.float32]

_GROWTH = 2.0  # how much stronger than any rain in the past a forecast may be
_BATCH_PIXELS = 2**18  # pixels of all cases that go through the network at once


@dataclass(frozen=True, repr=False)
class Learned:
    """A network from a checkpoint reads the last scans and writes the next.

    Its pixel and time step are made from the radar's, see `stormcell.methods.resampled`, and lead times between its steps, see
    `stormcell.methods.between`; large grids go through in tiles, see `stormcell.methods.tiles`.

    *NaN.* A place that no scan saw is NaN in the forecast. One that some scans did not see has the value of the scan before, or else of the
    one after. A last scan that is missing is made good by starting from the one before, a step further back.

    *Bounds.* Rain is never stronger than twice the strongest of the past, nor than the top of the network's scale. A dry past has a dry
    forecast.

    *Calibration.* Where a calibration of rain rates lies in the model's folder (`stormcell calibrate` writes one), the network's fields go
    through it before they are bounded, beyond its last lead time by the map of that; the forecast's attribute `calibration` says so.

    *Far ahead.* Beyond the steps it was trained for the network rolls on; the forecast's attribute `rolled_on` says so. Fewer scans than it
    was trained with are read as they are, two at least; `past_frames` tells how many.

    Args:
        model: the name of a model that ships, or the folder of a checkpoint.
        tile: the largest side of what goes through the network at once [the model's pixels]; memory grows with its square.
        overlap: width of the strip in which two tiles fade into each other [the model's pixels].
        precision: "float32", or "bfloat16" for a processor or device that is faster in it.
        device: where the network runs, in the words of torch.
        calibrated: False for the network as it is.
        runtime: what the network runs in, a name in `stormcell.runtimes.RUNTIMES`; beside torch they have precisions of their own, which
            `stormcell.methods.in_runtime` knows.

    Raises:
        MethodError: there is no such model or runtime.
        MissingExtraError: the runtime is not installed.
    """

    model: str | Path
    tile: int = 384
    overlap: int = 64
    precision: str = "float32"
    device: str = "cpu"
    calibrated: bool = True
    runtime: str = "torch"

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", str(self.model))
        _ = self._trained  # a model that is not there is told of now
        runtime_named(self.runtime).check(self.precision)
        if self.overlap < 0 or self.tile < 4 * self.overlap + 1:
            raise MethodError(f"{self.name}: expected tiles four times as long as their overlap, got {self.tile} and {self.overlap}")

    @cached_property
    def _trained(self) -> TrainedModel:
        return TrainedModel(str(self.model), self.device)

    @property
    def name(self) -> str:
        """What the method is called in the forecast: the name of the model's folder."""
        return self._trained.name

    @property
    def config(self) -> "ModelConfig":
        """What the checkpoint says of itself.

        Raises:
            ReadError: it is none.
        """
        return self._trained.config

    @property
    def identity(self) -> str:
        """What tells it from other methods wherever its folder lies: the fingerprint of the weights and their configuration.

        Raises:
            ReadError: it is no checkpoint.
        """
        return f"model {self._trained.fingerprint}"

    @property
    def past_steps(self) -> int:
        """How many scans it was trained to read, of a radar with its time step."""
        return self.config.past_steps

    @property
    def past_minutes(self) -> float:
        """How far back it looks."""
        return self.config.past_minutes

    def __repr__(self) -> str:
        """See `words_for`."""
        return words_for(self, self.name)

    def __getstate__(self) -> dict[str, Any]:
        """See `settings_of`."""
        return settings_of(self)

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`."""
        refuse_members(self.name, members)
        return self.batch([past], lead_times)[0]

    def batch(self, pasts: Sequence[xr.DataArray], lead_times: Spans) -> list[xr.DataArray]:
        """Forecast many cases at once, which keeps a processor busy where the grid is small.

        Args:
            pasts: each (time, y, x), all on one grid with one time step; never changed.
            lead_times: as for `Method`, the same for all.

        Returns:
            One forecast for each.

        Raises:
            MethodError: too few scans, or a grid or time step that differs from case to case or is too far from the model's.
        """
        if not pasts:
            return []
        if self.config.representation.quantity != "reflectivity":
            raise MethodError(f"{self.name} learnt from images that are no rain; expected a model of reflectivity")
        grid, step = grid_of(check_frames(pasts[0])), step_of(pasts[0])
        for past in pasts[1:]:
            if not grid.same_as(grid_of(check_frames(past))) or step_of(past) != step:
                raise MethodError(
                    f"{self.name}: expected cases on one grid with one time step, which these are not; forecast them one by one"
                )
        minutes = float(step / np.timedelta64(1, "m"))
        every = scans_per_step(minutes, self.config.step_minutes, name=self.name)
        pixels = pixels_between(grid.pixel_km, self.config.pixel_km, grid.shape, name=self.name)
        cases = [scans_to_read(past, count=self.past_steps, every=every, name=self.name) for past in pasts]
        leads = np.asarray(lead_times) / step
        steps = math.ceil((float(leads[-1]) + max(case.late for case in cases)) / every - 1e-6)
        made = self._forecast(cases, steps, pixels)
        said = self._said(minutes, every, pixels)
        return [
            self._labelled(past, case, fields, lead_times, (leads + case.late) / every, said)
            for past, case, fields in zip(pasts, cases, made, strict=True)
        ]

    def _forecast(self, cases: Sequence[Scans], steps: int, pixels: Pixels | None) -> list[Floats]:
        """For each case (step, y, x) [mm h-1] on the radar's grid. Cases of one length go through the network together."""
        made: dict[int, Floats] = {}
        shape = cases[0].seen.shape if pixels is None else pixels.shape
        size = max(_BATCH_PIXELS // (shape[0] * shape[1]), 1)
        order = sorted((index for index, case in enumerate(cases) if self._wet(case)), key=lambda index: len(cases[index].frames))
        while order:
            length = len(cases[order[0]].frames)
            now = [index for index in order[:size] if len(cases[index].frames) == length]
            order = order[len(now) :]
            past = np.stack([_on_model_grid(cases[index], pixels) for index in now])
            known = np.isfinite(past[:, -1])
            run = self._through_calibration(self._run(np.nan_to_num(past, nan=0.0), steps))
            for index, rain_rate, there in zip(now, run, known, strict=True):
                bound = np.float32(min(_GROWTH * float(cases[index].frames.max()), self.config.representation.top))
                bounded = np.minimum(rain_rate, bound)
                made[index] = bounded if pixels is None else pixels.to_radar(np.where(there, bounded, np.float32(np.nan)))
        dry = np.zeros((steps, *cases[0].seen.shape), np.float32)
        return [made.get(index, dry) for index in range(len(cases))]

    def _wet(self, case: Scans) -> bool:
        return bool((case.frames >= self.config.representation.dry_below).any())

    def _run(self, past: Floats, steps: int) -> Floats:
        """Rain rates (case, time, y, x) to rain rates (case, step, y, x), both on the model's grid."""
        import torch

        from stormcell.methods.tiles import in_tiles
        from stormcell.networks.architectures import image_multiple

        network, forward, scale = self._trained.network, self._forward_in, self.config.representation
        sides = _fixed_sides(self.config.network, self.config.settings)

        def run(x: "Tensor") -> "Tensor":
            with torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                made = forward(x, steps)
            return made.float().sigmoid() if self.config.output == "sigmoid" else made.float()

        with torch.inference_mode():
            x = scale.forward(torch.from_numpy(past).to(self.device))[:, :, None]
            forecast = in_tiles(
                run,
                x,
                steps,
                tile=sides or self.tile,
                overlap=min(sides) // 4 if sides else self.overlap,
                multiple=1 if sides else image_multiple(network),
                fixed=sides is not None,
            )
            rain_rate: Floats = scale.inverse(forecast[:, :, 0]).cpu().numpy()
        return rain_rate

    @cached_property
    def _forward_in(self) -> "Forward":
        return forward_in(self, self._trained)

    def _through_calibration(self, rain_rate: Floats) -> Floats:
        """(case, step, y, x), each step through the map of its lead time on the network's own clock; what is then too weak is dry."""
        calibration = self._calibration
        if calibration is None:
            return rain_rate
        last = calibration.lead_minutes[-1]
        for step in range(rain_rate.shape[1]):
            fields = rain_rate[:, step].astype(np.float64)
            mapped = calibration.calibrated(fields, min((step + 1) * self.config.step_minutes, last))
            rain_rate[:, step] = np.where(mapped < self.config.representation.dry_below, 0.0, mapped)
        return rain_rate

    @cached_property
    def _calibration(self) -> Calibration | None:
        folder = self._trained.folder
        if not self.calibrated or not (folder / NAME).is_file():
            return None
        calibration = read_calibration(folder)
        if calibration.method != self.identity:
            raise MethodError(
                f"{folder / NAME}: is the calibration of {calibration.method}, not of this model, {self._trained.fingerprint}; "
                "calibrate it anew, or take the file away"
            )
        return calibration if calibration.kind in OF_RAIN_RATES else None  # those of probabilities are of ensembles

    def _labelled(
        self, past: xr.DataArray, case: Scans, made: Floats, lead_times: Spans, places: NDArray[np.floating], said: Mapping[str, Any]
    ) -> xr.DataArray:
        steps = np.concatenate((case.frames[-1:], made))
        rain_rate, between = at_times(steps, case.frames, [float(place) for place in track(places, "forecast")])
        rain_rate[:, ~case.seen] = np.nan
        conversions = [*said["conversions"], *(["lead times between its steps along the motion"] if between else [])]
        conversions += [f"{case.filled} missing scans filled from their neighbours in time"] if case.filled else []
        rolls_on = places[-1] > self.config.future_steps + 1e-6
        attrs = {key: value for key, value in said.items() if key != "conversions" and (rolls_on or key != "rolled_on")}
        attrs |= {"conversions": "; ".join(conversions)} if conversions else {}
        attrs |= {"past_frames": f"{len(case.frames)} of {self.past_steps}"} if len(case.frames) < self.past_steps else {}
        return make_forecast(rain_rate[None], past, lead_times, method=self.name, steps_since_last_scan=case.late, **attrs)

    def _said(self, minutes: float, every: int, pixels: Pixels | None) -> dict[str, Any]:
        """What the attributes of forecasts of this batch tell; `rolled_on` only of those that do."""
        config, conversions = self.config, [] if pixels is None else [pixels.says]
        if every > 1:
            conversions.append(f"one scan in {every} read, every {every * minutes:g} min")
        if abs(every * minutes / config.step_minutes - 1) > 1e-3:
            conversions.append(f"a step of {every * minutes:g} min taken for the model's of {config.step_minutes:g} min")
        said: dict[str, Any] = {"model": config.network, "model_fingerprint": self._trained.fingerprint, "conversions": conversions}
        if self.runtime != "torch":
            said["runtime"] = f"{self.runtime}, {self.precision}"
        if calibration := self._calibration:
            said["calibration"] = calibration.said
        said["rolled_on"] = f"beyond the {config.future_steps * every * minutes:g} min that the model was trained for"
        return said


def _on_model_grid(case: Scans, pixels: Pixels | None) -> Floats:
    """(time, y, x); NaN where no scan saw anything, so that no rain is thinned by what lies beyond the rim."""
    return case.frames if pixels is None else pixels.to_model(np.where(case.seen, case.frames, np.float32(np.nan)))


def _fixed_sides(network: str, settings: Mapping[str, Any]) -> tuple[int, int] | None:
    """(rows, columns) of the only images that a network takes; None for networks of images of any size."""
    return (settings.get("rows", 64), settings.get("columns", 64)) if network == "fc-lstm" else None
