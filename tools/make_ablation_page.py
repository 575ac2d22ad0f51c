"""Write docs/benchmarks/ablations.md: what each part of a guided network is worth, one of them changed at a time.

`make bench-ablation` runs it, two trainings at a time on a core each; what is trained already is not trained again. All learn from the same
windows in the same order, from runs of TAASRAD19 that no run of the validation is among.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from stormcell.atomic import replacing
from stormcell.cli.terminal import progress_and_warnings
from stormcell.config import DataConfig, TrainingConfig
from stormcell.data.archive import Archive
from stormcell.data.archive_samples import ArchiveSamples
from stormcell.data.samples import Samples
from stormcell.motion import advect
from stormcell.networks.guided import SCALE, Guided, at_places, carried_rain, paths_back
from stormcell.networks.guided.residual import Residual
from stormcell.networks.losses import weighted_sum
from stormcell.progress import track
from stormcell.training.batches import Numbered, Swept
from stormcell.training.decisions import best_decisions, counted
from stormcell.training.guided_module import GuidedModule, GuidedWindow
from stormcell.training.guided_samples import Floats, GuidedSamples
from stormcell.training.hits import outcomes
from stormcell.training.learning_rate import cosine
from stormcell.training.sources import SETTLING, Source, open_source
from stormcell.verification.significance import paired_difference

FOLDER, PAGE = Path("benchmark-results/ablation"), Path("docs/benchmarks/ablations.md")
DATA = DataConfig(train="archives/taasrad19-train.zarr", validation="archives/taasrad19-validation.zarr", future=12, validation_windows=400)
THRESHOLDS = (0.5, 2.0, 5.0, 10.0)
WIDTHS = (16, 32, 64)
BATCH = 8
SPROG, LAST_SCAN = "sprog", "last scan"
HEAD = """# What each part of a guided network is worth

Written by `make bench-ablation`: the network that ships, with {widths} channels for 24, 48 and 96, and one part of it changed at a time.
Each learnt from {windows:,} windows of TAASRAD19 (except where the amount is what was changed), the same for all in the same order:
`guided` itself has seen 76,000, so this says what a part is worth to somebody who begins, not what the best network needs. From which
probability on an event is said is found on training windows for each of them; a regression's rain has its thresholds found in the same
way. CSI is the mean over 12 lead times to an hour on {cases} windows of {days} validation days. In brackets: the difference from the first
line, and 95 % of a bootstrap over days. Other seeds show what chance alone does. Read the line of the anchor alone first: as long as it is
level with the first line, those of cell, scales, loss and steps speak of a network that has hardly begun.
"""


@dataclass(frozen=True)
class Variant:
    """A network to train, and what of it is not as in the one that ships.

    Attributes:
        name: of its file.
        part: what was changed.
        change: into what.
        network: settings of `Guided`.
        guess: "sprog", "last scan" (carried on: it stands still in the moving frame), or "none".
        moving: whether the network sees scans and guess where the rain is now, and its logits are carried to where it will be; otherwise
            it sees them where they were measured and will be.
        head: "levels", or "regression" of reflectivity, which the guess is the beginning of.
        anchored: whether the anchor has a say.
        staying: whether the anchor looks at what stays at its place.
        level_weights: whether levels of heavy rain weigh more in the loss.
        loss: of a regression.
        seed: of first weights.
        amount: of training, 1 for that of the first.
    """

    name: str
    part: str
    change: str
    network: tuple[tuple[str, Any], ...] = ()
    guess: str = SPROG
    moving: bool = True
    head: str = "levels"
    anchored: bool = True
    staying: bool = True
    level_weights: bool = True
    loss: tuple[tuple[str, float], ...] = (("b-mse", 1.0), ("b-mae", 1.0))
    seed: int = 1
    amount: float = 1.0


WHOLE = Variant("whole", "-", "as it ships, narrower")
VARIANTS = (
    WHOLE,
    replace(WHOLE, name="seed-2", part="seed", change="2 for 1", seed=2),
    replace(WHOLE, name="seed-3", part="seed", change="3 for 1", seed=3),
    replace(WHOLE, name="anchor-alone", part="network", change="none: the anchor alone", network=(("network", False),)),
    replace(WHOLE, name="no-anchor", part="anchor", change="none: the network alone", anchored=False),
    replace(WHOLE, name="nothing-stays", part="anchor", change="of what moves alone", staying=False),
    replace(WHOLE, name="guess-last-scan", part="first guess", change="the last scan, carried on", guess=LAST_SCAN),
    replace(WHOLE, name="guess-none", part="first guess", change="none", guess="none"),
    replace(WHOLE, name="fixed-frame", part="frame", change="fixed to the ground", moving=False),
    replace(WHOLE, name="fixed-frame-no-guess", part="frame, first guess", change="fixed to the ground, none", moving=False, guess="none"),
    replace(WHOLE, name="convlstm", part="cell", change="ConvLSTM", network=(("cell", "convlstm"),)),
    replace(WHOLE, name="trajgru", part="cell", change="TrajGRU, 5 links", network=(("cell", "trajgru"),)),
    replace(WHOLE, name="regression", part="head, loss", change="reflectivity; B-MSE and B-MAE", head="regression"),
    replace(WHOLE, name="regression-mse", part="head, loss", change="reflectivity; MSE", head="regression", loss=(("mse", 1.0),)),
    replace(WHOLE, name="level-weights", part="loss", change="all levels weigh the same", level_weights=False),
    replace(WHOLE, name="one-scale", part="scales", change="one", network=(("hidden", WIDTHS[:1]),)),
    replace(WHOLE, name="two-scales", part="scales", change="two", network=(("hidden", WIDTHS[:2]),)),
    replace(WHOLE, name="one-by-one", part="steps", change="one lead time a step", network=(("together", 1),)),
    replace(WHOLE, name="amount-4th", part="amount", change="a quarter", amount=0.25),
    replace(WHOLE, name="amount-half", part="amount", change="half", amount=0.5),
    replace(WHOLE, name="amount-double", part="amount", change="twice as much", amount=2.0),
)


class Ablated(Guided):
    """`Guided` with parts taken out."""

    def __init__(self, variant: Variant) -> None:
        settings = {"hidden": WIDTHS, **dict(variant.network)}
        super().__init__(**settings)
        self.variant = variant
        if variant.head == "regression":
            self.residual = Residual(1, settings["hidden"])
        self.anchor.requires_grad_(variant.anchored and variant.head == "levels")
        self.anchor.staying.requires_grad_(self.anchor.weight.requires_grad and variant.staying)

    def forward(self, past: Tensor, known: Tensor, guess: Tensor, motion: Tensor) -> Tensor:
        """As `Guided`; of a regression, how far above each level it is, as a logit."""
        variant, last, seen = self.variant, past[:, -1:].expand_as(guess), known[:, -1]
        places = paths_back(motion if variant.moving else torch.zeros_like(motion), guess.shape[1])
        if variant.guess != SPROG:
            guess = last if variant.guess == LAST_SCAN else torch.zeros_like(guess)
        mended: Tensor | float = 0.0 if self.residual is None else self.residual(past, known.to(past.dtype), guess, motion).float()
        if variant.head == "regression":
            moving: Tensor = guess[:, :, None] + mended - self.anchor.levels[:, None, None]
            return 10 * at_places(moving, places)
        if not variant.anchored:
            return at_places(torch.tensor(-3.0) + mended, places)
        surroundings = self.anchor.log_odds(past[:, -1], seen, self.squares)
        moving = self.anchor.moving(surroundings, guess.shape[1]) + mended
        there, _ = carried_rain(torch.stack((guess, last), dim=2), seen, places)
        own: Tensor = self.anchor(there[:, :, 0], there[:, :, 1], past[:, -1]) + self.anchor.still(surroundings, guess.shape[1])
        return own + at_places(moving, places)


class AblatedModule(GuidedModule):
    """`GuidedModule` with the loss of the variant."""

    def __init__(self, variant: Variant, steps: int) -> None:
        torch.manual_seed(variant.seed)
        super().__init__(Ablated(variant), DATA.past, TrainingConfig(steps=steps), schedule=partial(cosine, warm_up=50), seed=variant.seed)
        self.variant, self.of_rain = variant, weighted_sum(dict(variant.loss))

    def _loss(self, logits: Tensor, window: GuidedWindow) -> Tensor:
        if self.variant.head == "regression":
            forecast = logits[:, :, :1] / 10 + self.guided.anchor.levels[0]
            observed = SCALE.forward(window.truth)[:, :, None]
            return self.of_rain(forecast, observed, window.valid[:, :, None], representation=SCALE)
        if not self.variant.level_weights:
            rates = torch.tensor(self.guided.rates)[:, None, None]
            event = (window.truth[:, :, None] >= rates - 1e-3).float()
            valid = window.valid[:, :, None].expand_as(event)
            return torch.nn.functional.binary_cross_entropy_with_logits(logits[valid], event[valid])
        return super()._loss(logits, window)


class FixedFrame(GuidedSamples):
    """Windows whose scans are where they were measured, and whose first guess is where its rain will be."""

    def _fill(self, window: Floats, room: Floats) -> None:
        super()._fill(window, room)
        layout, motion = self.layout, room[self.layout.motion].copy()
        room[layout.scans] = window[: layout.past]
        for step, guess in enumerate(room[layout.guess], start=1):
            guess[:] = np.nan_to_num(advect(guess, motion, [step])[0], nan=0.0)


def windows_of(source: Source, samples: Samples, variant: Variant) -> GuidedSamples:
    """In the frame of the variant."""
    frame = GuidedSamples if variant.moving else FixedFrame
    return frame(samples, DATA.past, km=source.pixel_km, step_minutes=source.step_minutes)


def work(variant: Variant, steps: int, folder: Path) -> None:
    """Train a variant, find its decisions, and keep its weights and what came of its forecasts day by day."""
    torch.set_num_threads(1)
    source = open_source(DATA, seed=1)
    assert source.settling is not None
    module = AblatedModule(variant, round(variant.amount * steps))
    weights = folder / f"{variant.name}.safetensors"
    if not weights.exists():
        said = learn(module, source)
        with replacing(weights) as beside:
            save_file(module.network.state_dict(), beside, {key: json.dumps(value) for key, value in said.items()})
    module.network.load_state_dict(load_file(weights))
    with safe_open(weights, "pt") as kept:
        said = {key: json.loads(value) for key, value in kept.metadata().items()}
    module.eval()
    settling = windows_of(source, source.settling, variant)
    decisions = torch.logit(torch.from_numpy(best_decisions(counted(module, Swept(settling, SETTLING, BATCH))))).float()
    found = {**said, "variant": asdict(variant), "days": by_day(module, source, decisions)}
    with replacing(folder / f"{variant.name}.json") as beside:
        beside.write_text(json.dumps(found))


def learn(module: AblatedModule, source: Source) -> dict[str, Any]:
    """Train; how many steps, minutes of a core and weights it took, and the loss on the way."""
    variant, steps = module.variant, module.settings.steps
    optimizer = module.optimizer()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: module.schedule(step, steps))
    began, losses = time.process_time(), []
    for number, rain_rate in Numbered(windows_of(source, source.train, variant), 0, steps, BATCH):
        loss = module.loss_of(number, rain_rate)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if number % 100 == 99:
            print(f"{variant.name}: {number + 1} of {steps}, loss {np.mean(losses[-100:]):.4f}", flush=True)
    return {
        "steps": steps,
        "minutes": (time.process_time() - began) / 60,
        "weights": sum(weight.numel() for weight in module.network.parameters() if weight.requires_grad),
        "losses": [float(np.mean(losses[first : first + 50])) for first in range(0, steps, 50)],
    }


@torch.inference_mode()
def by_day(module: AblatedModule, source: Source, decisions: Tensor) -> dict[str, dict[str, Any]]:
    """Day -> outcomes (threshold, step, 3) of the network and of S-PROG as it is, and how many windows there were."""
    validation = source.validation
    assert isinstance(validation, ArchiveSamples)
    names = [str(start)[:10] for start in Archive(DATA.validation or "").axis[validation.windows.starts]]
    level = [module.guided.rates.index(threshold) for threshold in THRESHOLDS]
    frames = (windows_of(source, validation, one) for one in (module.variant, WHOLE))
    days: dict[str, dict[str, Any]] = {}
    for number, (own, usual) in enumerate(zip(*(Swept(one, len(names), BATCH) for one in frames), strict=True)):
        window, sprog = module.window_of(own), module.window_of(usual)
        said = module.logits_of(window)[:, :, level] >= decisions[:, level, None, None]
        guess = torch.stack([sprog.there >= SCALE.level(threshold) for threshold in THRESHOLDS], dim=2)
        seen = torch.stack([sprog.truth >= threshold - 1e-3 for threshold in THRESHOLDS], dim=2)
        for place, day in enumerate(names[number * BATCH :][: len(own)]):
            valid = sprog.valid[place, :, None]
            of_day = days.setdefault(day, {"windows": 0, "network": 0.0, SPROG: 0.0})
            of_day["windows"] += 1
            for name, event in (("network", said[place]), (SPROG, guess[place])):
                of_each = zip(event.movedim(1, 0).float(), seen[place].movedim(1, 0).float(), strict=True)
                counts = [outcomes(one[None, :, None], came[None, :, None], valid[None], [0.5]) for one, came in of_each]
                of_day[name] = of_day[name] + torch.cat(counts).numpy()
    return {day: {name: np.asarray(value).tolist() for name, value in of.items()} for day, of in days.items()}


def csi(counts: xr.DataArray) -> xr.Dataset:
    """(..., threshold, lead_time, outcome) -> `csi` (..., threshold), the mean over lead times."""
    hits = counts.isel(outcome=0, drop=True)
    return xr.Dataset({"csi": (hits / counts.sum("outcome")).mean("lead_time")})


def compared(found: dict[str, dict[str, Any]]) -> list[tuple[str, str, int, NDArray[np.float64]]]:
    """Part, change, weights and (threshold, [CSI, difference, low, high]) of the whole network, of S-PROG and of the variants."""
    days = sorted(found[WHOLE.name]["days"])
    of = {name: [one["days"][day]["network"] for day in days] for name, one in found.items()}
    of = {WHOLE.name: of.pop(WHOLE.name), SPROG: [found[WHOLE.name]["days"][day][SPROG] for day in days], **of}
    counts = xr.DataArray(
        np.array(list(of.values()), float),
        dims=("method", "case", "threshold", "lead_time", "outcome"),
        coords={"method": list(of), "case": np.array(days, "datetime64[ns]")},
    )
    own, rows = csi(counts.sum("case"))["csi"], []
    for name in of:
        difference = paired_difference(counts, csi, name, WHOLE.name).interval["csi"]
        numbers = [own.sel({"method": name}), *(difference.sel(bound=bound) for bound in ("estimate", "low", "high"))]
        said = found[name]["variant"] if name in found else {"part": "all", "change": "S-PROG as it is"}
        weights = found[name]["weights"] if name in found else 0
        rows.append((said["part"], said["change"], weights, np.stack([each.values for each in numbers], axis=1)))
    return rows


def draw(rows: list[tuple[str, str, int, NDArray[np.float64]]], path: Path) -> None:
    """Differences from the whole network, heavy rain beside light."""
    figure = Figure(figsize=(9, 0.32 * len(rows) + 1), layout="constrained")
    for number, axes in enumerate(figure.subplots(1, 3, sharey=True)):
        for place, (_, _, _, numbers) in enumerate(rows[1:]):
            _, middle, low, high = numbers[number]
            colour = "#b2182b" if high < 0 else "#2166ac" if low > 0 else "0.45"
            axes.errorbar(middle, place, xerr=[[middle - low], [high - middle]], fmt="o", color=colour, markersize=4, linewidth=1.2)
        axes.axvline(0, color="0.3", linewidth=0.8)
        axes.set_title(f"{THRESHOLDS[number]:g} mm/h", fontsize=10)
        axes.set_xlabel("CSI minus the whole network's", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.set_yticks(range(len(rows) - 1), [f"{part}: {change}" for part, change, _, _ in rows[1:]])
        axes.set_ylim(len(rows) - 1.5, -0.5)
    figure.savefig(path, dpi=110)


def write(found: dict[str, dict[str, Any]], page: Path) -> None:
    """The table and the picture."""
    rows = compared(found)
    days = found[WHOLE.name]["days"]
    lines = [
        HEAD.format(
            widths=" and ".join((", ".join(map(str, WIDTHS[:-1])), str(WIDTHS[-1]))),
            windows=found[WHOLE.name]["steps"] * BATCH,
            cases=sum(of["windows"] for of in days.values()),
            days=len(days),
        ),
        f"| changed | into | weights | {' | '.join(f'{threshold:g} mm/h' for threshold in THRESHOLDS)} |",
        "|---" * (3 + len(THRESHOLDS)) + "|",
    ]
    for number, (part, change, weights, numbers) in enumerate(rows):
        cells = [f"{own:.3f}" + (f" ({more:+.3f} [{low:+.3f}, {high:+.3f}])" if number else "") for own, more, low, high in numbers]
        lines.append(f"| {part} | {change} | {f'{weights:,}' if weights else '-'} | {' | '.join(cells)} |")
    picture = page.with_suffix(".png")
    draw(rows, picture)
    lines.append(f"\n![Difference of each variant from the whole network]({picture.name})")
    minutes = [one["minutes"] for one in found.values() if one["variant"]["amount"] == 1]
    lines.append(f"\nA training took {min(minutes):.0f} to {max(minutes):.0f} minutes of a core, two at a time.")
    missing = [f"{one.part}: {one.change}" for one in VARIANTS if one.name not in found]
    if missing:
        lines.append(f"Not trained for this page: {'; '.join(missing)}.")
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Train what is not trained yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300, help=f"of {BATCH} windows, for the amount 1")
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time; 0 for none, to write the page of those there are")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--page", type=Path, default=PAGE)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    todo = [variant for variant in VARIANTS if not (chosen.folder / f"{variant.name}.json").exists()]
    if chosen.workers:
        with progress_and_warnings(), ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn")) as pool:
            for _ in track(pool.map(partial(work, steps=chosen.steps, folder=chosen.folder), todo), "trainings", total=len(todo)):
                pass
    write(
        {
            one.name: json.loads((chosen.folder / f"{one.name}.json").read_text())
            for one in VARIANTS
            if (chosen.folder / f"{one.name}.json").exists()
        },
        chosen.page,
    )


if __name__ == "__main__":
    main()
