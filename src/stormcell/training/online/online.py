"""A guided model that goes on learning from the radar that it forecasts, under guard, in a folder of its own."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from stormcell.atomic import replacing
from stormcell.config import TrainingConfig
from stormcell.errors import MethodError, ReadError, StormcellError
from stormcell.frames import step_of
from stormcell.methods.adapted import FROZEN, MODEL, RECORD, SPROG, is_adapted
from stormcell.methods.guided.decision import least_logits
from stormcell.methods.guided.fields import monotone
from stormcell.methods.shipped import model_folder
from stormcell.networks.checkpoint import ModelConfig, fingerprint_of, load_checkpoint, save_checkpoint
from stormcell.networks.guided import ADDED, Guided
from stormcell.training.decisions import CANDIDATES, GROUP, best_decisions, outcomes_by_probability
from stormcell.training.guided_module import GuidedModule, GuidedWindow
from stormcell.training.learning_rate import SCHEDULES
from stormcell.training.online.guard import Guard, mean_csi
from stormcell.training.online.local_calibration import decisions_near, fit, folded, sampled
from stormcell.training.online.scans import lesson_of, scans_needed

__all__ = ["VARIANTS", "Lesson", "Online"]

Numbers = NDArray[np.float64]

CALIBRATED, ONLINE = "calibrated", "online"
VARIANTS = (SPROG, FROZEN, CALIBRATED, ONLINE)
THRESHOLDS = (0.5, 2.0, 5.0)
"""Rain rates [mm h-1] that the guard looks at."""

_MEMORY = "online.safetensors"
_MAX_BYTES = 2**30
_PLACES = 400  # of each lesson, for the calibration
_WINDOWS = 48  # that these are kept of
_WORSE = 0.01  # mean CSI by which online learning may fall behind the frozen model before it starts again from there


@dataclass(frozen=True)
class Lesson:
    """What one forecast that can now be verified has taught.

    Attributes:
        issue_time: when it was issued.
        outcomes: variant -> (threshold, [hits, misses, false alarms]) over all lead times, of what each would have said.
        in_use: the variant that was in use then.
        chosen: the one in use from now on.
        started_again: whether online learning was sent back to the frozen weights.
        loss: of the online variant, before its step.
    """

    issue_time: np.datetime64
    outcomes: dict[str, Numbers]
    in_use: str
    chosen: str
    started_again: bool
    loss: float


class Online:
    """Three variants of one model, and S-PROG beside them; whichever scored best over the last hours is in use.

    - *frozen*: the model as it came.
    - *calibrated*: slopes, shifts, the weight of S-PROG and decisions refitted to the last hours, see
      `stormcell.training.online.local_calibration`.
    - *online*: all weights, one step of AdaGrad for each lesson, as in the online setting of the HKO-7 benchmark. If it falls behind the
      frozen model it starts again from there.

    A lesson is a forecast whose last lead time has come. Each variant is first scored on it, then learns from it, so that no score knows
    its own answer; lessons closer in time than the forecast is long are passed over for the same reason.

    The folder holds `online.safetensors` (all weights and what is remembered, replaced as a whole after each lesson), `model/` (the model
    in use) and `online.json` (which one, and the scores). It is a method: ``stormcell nowcast --method FOLDER``.

    Args:
        folder: goes on with what it holds, or begins.
        model: name or folder to begin from; may be left out to go on.
        rate: of AdaGrad.
        half_life: of the guard's memory [h].

    Raises:
        MethodError: no model to begin from, another than the folder's, or one that is not guided by a first guess.
        ReadError: what the folder holds is not to be read.

    Source:
        Shi et al. (2017), arXiv:1706.03458, for the online setting; Duchi et al. (2011), JMLR 12:2121, for AdaGrad.
    """

    def __init__(self, folder: str | Path, model: str | Path | None = None, *, rate: float = 1e-4, half_life: float = 12.0) -> None:
        self.folder = Path(folder)
        memory = self.folder / _MEMORY
        if model is None and not memory.is_file():
            raise MethodError(f"{folder}: holds nothing to go on with; say which model to begin from")
        origin = model_folder(model) if model is not None else self.folder / MODEL
        network, self.config = load_checkpoint(origin)
        if not isinstance(network, Guided):
            raise MethodError(f"{model}: expected a model that is guided by a first guess, as 'stormcell models list' says")
        self.guard, self._lessons = Guard(half_life, chosen=FROZEN), 0
        self._networks = {name: copy.deepcopy(network) for name in (FROZEN, CALIBRATED, ONLINE)}
        self._begun_from = fingerprint_of(origin) if model is not None else ""
        self._modules = {name: self._module(each, rate) for name, each in self._networks.items()}
        self._optimizer = torch.optim.Adagrad(self._networks[ONLINE].requires_grad_().parameters(), rate, eps=1e-8)
        self._samples: list[tuple[Tensor, Tensor, Tensor]] = []
        self._counts = np.zeros((len(network.decisions), len(network.rates), 2, len(CANDIDATES) + 1))
        self._last: np.datetime64 | None = None
        if memory.is_file():
            self._remember(memory)

    @property
    def chosen(self) -> str:
        """The variant in use."""
        return self.guard.chosen

    @property
    def last(self) -> np.datetime64 | None:
        """Issue time of the last lesson."""
        return self._last

    def lessons(self, scans: xr.DataArray) -> Iterator[Lesson]:
        """Learn from all that a series of scans has to teach and that is new, in order of time.

        Args:
            scans: (time, y, x) [mm h-1], evenly spaced, missing scans NaN.
        """
        step = step_of(scans)
        before, after = scans_needed(self.config, float(step / np.timedelta64(1, "m")))
        issue = before - 1
        while issue + after < scans.sizes["time"]:
            window = scans[issue + 1 - before : issue + 1 + after]
            lesson = self.update(window) if np.isfinite(window.values).any(axis=(1, 2)).all() else None
            if lesson is not None:
                yield lesson
            issue += after if lesson is not None else 1

    def update(self, scans: xr.DataArray) -> Lesson | None:
        """Score and learn from one forecast, see `lesson_of`, and choose.

        Returns:
            None if the lesson is not later than the last one by as much as a forecast is long.

        Raises:
            MethodError: the model gives no numbers.
        """
        step = step_of(scans)
        before, after = scans_needed(self.config, float(step / np.timedelta64(1, "m")))
        issued = scans["time"].values[before - 1]
        if self._last is not None and issued < self._last + after * step:
            return None
        multiple = residual.multiple if (residual := self._networks[FROZEN].residual) is not None else 1
        values = torch.from_numpy(lesson_of(scans, self.config, multiple=multiple))[None, :, None]
        window = self._modules[FROZEN].window_of(values)
        with torch.inference_mode():
            logits = {name: module.logits_of(window) for name, module in self._modules.items()}
        if not bool(logits[FROZEN].isfinite().all()):
            raise MethodError(f"{self.folder}: what the model makes of the scans of {issued} is no number; begin again from a whole model")
        outcomes = self._outcomes(window, logits)
        hours = 0.0 if self._last is None else float((issued - self._last) / np.timedelta64(1, "h"))
        in_use = self.guard.chosen
        self.guard.see(outcomes, hours)
        loss = self._step(values)
        self._calibrate(window, logits, hours)
        started_again = self._start_again()
        self._last, self._lessons = issued, self._lessons + 1
        self._save()
        return Lesson(issued, outcomes, in_use, self.guard.chosen, started_again, loss)

    def _module(self, network: Guided, rate: float) -> GuidedModule:
        how = TrainingConfig(optimizer="adagrad", learning_rate=rate, schedule="constant")
        return GuidedModule(network, self.config.past_steps, how, schedule=SCHEDULES["constant"], seed=0)

    def _outcomes(self, window: GuidedWindow, logits: dict[str, Tensor]) -> dict[str, Numbers]:
        """Variant -> (threshold, 3)."""
        said: dict[str, Callable[[int, float], Tensor]] = {SPROG: lambda level, _: window.there >= self._frozen.anchor.levels[level] - 1e-4}
        for name, network in self._networks.items():
            margins = _margins(network, logits[name][0], window)
            said[name] = lambda level, _, margins=margins: margins[None, :, level] >= 0  # type: ignore[misc]
        found = {}
        for name, event_said in said.items():
            rows = []
            for threshold in self._thresholds():
                yes, came = event_said(self._frozen.rates.index(threshold), threshold), window.truth >= threshold - 1e-3
                kinds = (yes & came, ~yes & came, yes & ~came)
                rows.append([float((kind & window.valid).sum()) for kind in kinds])
            found[name] = np.array(rows)
        return found

    def _thresholds(self) -> list[float]:
        return [threshold for threshold in THRESHOLDS if threshold in self._frozen.rates]

    @property
    def _frozen(self) -> Guided:
        return self._networks[FROZEN]

    def _step(self, values: Tensor) -> float:
        """One step of AdaGrad; a gradient that is no number changes nothing."""
        loss = self._modules[ONLINE].loss_of(self._lessons, values)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        norm = torch.nn.utils.clip_grad_norm_(self._networks[ONLINE].parameters(), self._modules[ONLINE].settings.clip)
        if bool(norm.isfinite()):
            self._optimizer.step()
        return float(loss.detach())

    def _calibrate(self, window: GuidedWindow, logits: dict[str, Tensor], hours: float) -> None:
        """Remember the lesson, and fit anew to all that are remembered."""
        rng = np.random.default_rng(self._lessons)
        frozen = logits[FROZEN][0]
        self._samples.append(sampled(frozen, window.there[0], window.truth[0], window.valid[0], pixels=_PLACES, rng=rng))
        self._samples = self._samples[-_WINDOWS:]
        joined = [torch.cat([sample[part] for sample in self._samples], dim=-1) for part in range(3)]
        change = fit(joined[0], joined[1], joined[2], self._frozen)
        made = folded(self._frozen, change)
        self._networks[CALIBRATED].load_state_dict(made.state_dict())
        new = outcomes_by_probability(logits[CALIBRATED], window, self._frozen.rates)
        self._counts = self.guard.faded(self._counts, hours) + new
        before = self._frozen.decisions.double().sigmoid().numpy()
        events = self._counts[:, :, 1].sum(axis=-1)
        groups = np.stack([events[row // GROUP * GROUP : row // GROUP * GROUP + GROUP].sum(axis=0) for row in range(len(events))])
        local = decisions_near(before, best_decisions(self._counts), groups)
        self._networks[CALIBRATED].decisions.copy_(torch.logit(torch.from_numpy(local)).float())

    def _start_again(self) -> bool:
        """Send online learning back to the frozen weights if it has fallen behind."""
        counts = self.guard.counts
        if mean_csi(counts[ONLINE]) >= mean_csi(counts[FROZEN]) - _WORSE:
            return False
        self._networks[ONLINE].load_state_dict(self._frozen.state_dict())
        for state in self._optimizer.state.values():
            state["sum"].zero_()
        self.guard.forget(ONLINE, like=FROZEN)
        if self.guard.chosen == ONLINE:
            self.guard.chosen = FROZEN
        return True

    def _save(self) -> None:
        """Everything, so that a kill at any moment loses at most the lesson that it fell into."""
        stored: dict[str, Tensor] = {}
        for name, network in self._networks.items():
            stored |= {f"{name}.{key}": tensor.detach().clone().contiguous() for key, tensor in network.state_dict().items()}
        for key, weights in self._networks[ONLINE].named_parameters():
            stored[f"adagrad.{key}"] = self._optimizer.state[weights]["sum"].clone().contiguous()
        stored |= {f"guard.{name}": torch.from_numpy(counts.copy()) for name, counts in self.guard.counts.items()}
        stored["counts"] = torch.from_numpy(self._counts.copy())
        for part, what in enumerate(("logits", "guess", "truth")):
            stored[f"samples.{what}"] = torch.cat([sample[part] for sample in self._samples], dim=-1).half().contiguous()
        said = self._said() | {"samples": [int(sample[1].shape[-1]) for sample in self._samples]}
        with replacing(self.folder / _MEMORY) as beside:
            save_file(stored, beside, metadata={"said": json.dumps(said)})
        self._publish()

    def _said(self) -> dict[str, Any]:
        return {
            "format": 1,
            "begun_from": self._begun_from,
            "chosen": self.guard.chosen,
            "lessons": self._lessons,
            "last": str(self._last),
            "scores": {name: round(score, 6) for name, score in self.guard.scores.items()},
        }

    def _publish(self) -> None:
        """Put the model in use where the method finds it."""
        chosen = FROZEN if self.guard.chosen == SPROG else self.guard.chosen
        config = self._config_of(chosen)
        save_checkpoint(
            self.folder / MODEL, self._networks[chosen], config, title=f"{self.config.training.get('experiment', 'guided')}, {chosen}"
        )
        with replacing(self.folder / RECORD) as beside:
            beside.write_text(json.dumps(self._said(), indent=2) + "\n", "utf-8")

    def _is_published(self) -> bool:
        """Whether the folder, as a method, stands where the memory does."""
        try:
            said = json.loads((self.folder / RECORD).read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(said == self._said()) and is_adapted(self.folder)

    def _config_of(self, variant: str) -> ModelConfig:
        return replace(self.config, training={**self.config.training, "variant": variant, "lessons": self._lessons})

    def _remember(self, path: Path) -> None:
        """Go on from what was saved.

        Raises:
            ReadError: it is broken, or of another network.
            MethodError: it was begun from another model.
        """
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise ReadError(f"{path}: is larger than {_MAX_BYTES // 2**20} MiB, which no memory is; look into it by hand")
            with safe_open(path, framework="pt") as file:
                said = json.loads((file.metadata() or {})["said"])
            stored = load_file(path)
            if self._begun_from and self._begun_from != said["begun_from"]:
                raise MethodError(f"{self.folder}: was begun from another model; give another folder, or leave the model out to go on")
            self._begun_from = str(said["begun_from"])
            for name, network in self._networks.items():
                network.load_state_dict({key: stored[whole] for key in network.state_dict() if (whole := f"{name}.{key}") in stored})
            for key, weights in self._networks[ONLINE].named_parameters():
                if (whole := f"adagrad.{key}") in stored or key not in ADDED:
                    self._optimizer.state[weights]["sum"].copy_(stored[whole])
            self.guard.counts = {name: stored[f"guard.{name}"].numpy().astype(np.float64) for name in VARIANTS}
            self.guard.chosen = {name: name for name in VARIANTS}[said["chosen"]]
            self._counts = stored["counts"].numpy().reshape(self._counts.shape).astype(np.float64)
            sizes = [int(size) for size in said["samples"]]
            parts = [torch.split(stored[f"samples.{what}"].float(), sizes, dim=-1) for what in ("logits", "guess", "truth")]
            self._samples = list(zip(*parts, strict=True))
            self._last, self._lessons = np.datetime64(said["last"], "ns"), int(said["lessons"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            if isinstance(error, StormcellError):
                raise
            raise ReadError(f"{path}: holds no memory of online learning that fits ({error}); remove it to begin again") from error
        if not self._is_published():
            self._publish()  # a stop came between the two


def _margins(network: Guided, logits: Tensor, window: GuidedWindow) -> Tensor:
    """(step, level, y, x) of logits of the same shape: 0 or more where the method says the event."""
    levels = network.anchor.levels.numpy()
    rows = []
    decisions = network.decisions_for(len(logits)).numpy()
    for fields, guess, known, own in zip(logits.numpy(), window.there[0].numpy(), window.seen[0].numpy(), decisions, strict=True):
        likely = monotone(fields)
        rows.append(monotone(likely - least_logits(likely, guess, known, levels, own)[:, None, None]))
    return torch.from_numpy(np.stack(rows))
