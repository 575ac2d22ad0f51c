"""Write docs/benchmarks/digits.md: networks on digits that move, beside each other as in the papers, as `make bench-digits` does.

Every run of `experiments/` on moving digits that has finished in `runs/` is scored on the test films, which no run has seen. What a run
gave stays in `docs/benchmarks/digits/`, a JSON and the frames of one film for each, so the page can be made on from there when the runs
themselves are gone; a change of the experiment file makes it stale, and it is left out.
"""

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from digits_pictures import FILM, animate, draw_curves, strip
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from stormcell.atomic import replacing
from stormcell.cli.terminal import progress_and_warnings
from stormcell.config import Experiment, read_experiment
from stormcell.data.digits import load_digits
from stormcell.data.moving_digits import MovingMNIST, MovingMNISTPlusPlus
from stormcell.data.samples import Samples
from stormcell.networks.checkpoint import fingerprint_of, load_checkpoint
from stormcell.progress import track

FILMS, BATCH = 512, 16  # of the test part; the papers take all
RUNS, PAGE = Path("runs"), Path("docs/benchmarks/digits.md")
KEPT = PAGE.with_suffix("")
COLUMNS = ("cross-entropy", "squared error", "cross-entropy, 3 digits", "squared error, 3 digits")


@dataclass(frozen=True)
class Table:
    """One comparison of a paper.

    Args:
        title: of its section.
        paper: what the paper's numbers are; "" if there are none to set beside.
        published: of each run, as the paper has it.
        reference: the run that others are compared with, film by film, in `measure`.
        reading: what the table shows, and what not.
    """

    title: str
    paper: str
    published: dict[str, float]
    reference: str
    measure: str
    reading: str = ""


TABLES = {
    "moving-mnist": Table(
        "Moving MNIST, after table 1 of Shi et al. (2015)",
        "cross-entropy of a film",
        {
            "mm-fc-lstm": 4832.49,
            "mm-1-layer-5x5": 3887.94,
            "mm-2-layers-5x5": 3733.56,
            "mm-3-layers-5x5": 3670.85,
            "mm-2-layers-1x1": 4782.84,
            "mm-3-layers-1x1": 4231.50,
        },
        "mm-3-layers-5x5",
        "cross-entropy",
        "With one seed, one, two and three layers with 5x5 state kernels come in the published order, on two digits and on three, and "
        "two layers with 1x1 ahead of them, which is not. Another seed moves two layers by 174 with 5x5 and by 62 with 1x1, as much as "
        "most rows differ, so luck is a part of it. Another part is the kernel of the input, 9x9 beside 1x1 as published: with 9x9 for "
        "both, 5x5 lies between the two seeds of 1x1, and with 5x5 for both, 1x1 is ahead. The cause is that these networks are at the "
        "beginning of their training. Layer normalisation takes them further in fewer films, and with it the order is the published "
        "one: 5x5 (`quant-full-layer` of the last table, 5,415.4) is 257 [233, 282] ahead of 1x1 with the same 5x5 input, and 12 [-10, "
        "34] ahead of 1x1 with a 9x9 input, which has a quarter more weights; on the validation films that 1x1 is ahead from 3,000 to "
        "6,000 films, and 5x5 at the end. FC-LSTM comes near one layer because it is cheap and saw six times as many films: at 9,600 "
        "films its validation loss is .158, that of the others without normalisation .139 to .148.",
    ),
    "moving-mnist-pp": Table(
        "MovingMNIST++, after table 3 of Shi et al. (2017)",
        "",
        {},
        "mmpp-convgru-k5",
        "squared error",
        "TrajGRU is ahead of ConvGRU with 5x5 kernels, which has more weights than any of them, and with 9 links as good as "
        "ConvGRU with 7x7 kernels and twice the weights, as published; there 13 links are ahead of 9, here they do not differ. "
        "The differences are small: after 8,000 films every network still forecasts a blur, as the animation shows.",
    ),
    "conv-tt": Table(
        "Conv-TT-LSTM beside ConvLSTM at equal layers, after Su et al. (2020)",
        "",
        {},
        "tt-convlstm-12",
        "squared error",
        "With fewer weights and the same number of layers Conv-TT-LSTM is ahead, as published; a film takes it a third longer.",
    ),
    "quantised": Table("ConvLSTM with weights of few levels, after Hou et al. (2019)", "", {}, "quant-full-none", "cross-entropy"),
}
HEAD = f"""# Networks on digits that move

Written by `make bench-digits` from the runs of `experiments/` (`make train-digits`), on the first {FILMS} test films, which no run has
seen; 10 frames in, 10 out. Networks are a quarter as wide as those of the papers, or less, and each learnt for as long as its row says
on one core, so the numbers are to be compared with each other and not with the papers'. Cross-entropy is summed over the pixels and the
10 frames of a film, squared error over the pixels of a frame. The last column is the mean difference to the table's reference over the
same films, with a 95 % interval from 2,000 bootstrap samples of films: below 0 the run is better.
"""


def films(experiment: Experiment, digits: int) -> Samples:
    """The test part of an experiment's data."""
    images = load_digits(experiment.data.train or None)
    kind = MovingMNIST if experiment.data.kind == "moving-mnist" else MovingMNISTPlusPlus
    return kind(images, "test", digits=digits, length=experiment.data.past + experiment.data.future)


@torch.inference_mode()
def scores(experiment: Experiment, folder: Path, digits: int) -> tuple[dict[str, list[float]], NDArray[np.float32]]:
    """Cross-entropy (of networks that give logits) and squared error of a frame, of each film; and the forecast of the film to show."""
    network, config = load_checkpoint(folder)
    found: dict[str, list[float]] = {"squared error": []} | ({"cross-entropy": []} if config.output == "sigmoid" else {})
    shown: list[NDArray[np.float32]] = []
    for batch in track(films(experiment, digits).sweep(BATCH), experiment.name, total=FILMS // BATCH):
        frames = torch.from_numpy(batch.values)[:, :, None]
        past, future = frames[:, : config.past_steps], frames[:, config.past_steps :]
        forecast = network(past, future.shape[1])
        if config.output == "sigmoid":
            entropy = functional.binary_cross_entropy_with_logits(forecast, future, reduction="none")
            found["cross-entropy"] += entropy.sum((1, 2, 3, 4)).tolist()
            forecast = forecast.sigmoid()
        found["squared error"] += ((forecast - future).square().sum((1, 2, 3, 4)) / future.shape[1]).tolist()
        shown.extend(forecast[: max(0, FILM + 1 - len(shown)), :, 0].numpy())
        if len(found["squared error"]) >= FILMS:
            break
    return {name: [round(value, 2) for value in values] for name, values in found.items()}, shown[FILM]


def digest_of(path: Path) -> str:
    """Of the experiment file, all but its comments."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def has_finished(experiment: Experiment, rows: list[dict[str, str]]) -> bool:
    """Whether it took all its steps, or stopped by itself because it learnt no more."""
    steps = [int(row["step"]) for row in rows if row["quantity"] == "validation_loss"]
    losses = [float(row["value"]) for row in rows if row["quantity"] == "validation_loss"]
    patience = experiment.training.patience
    waited = len(losses) - 1 - int(np.argmin(losses)) if losses else 0
    return bool(steps) and (max(steps) >= experiment.training.steps or bool(patience and waited >= patience))


def score_run(path: Path) -> None:
    """Score a run, if it has finished and is not scored yet, and keep what it gave."""
    experiment = read_experiment(path)
    run = RUNS / experiment.name
    if not (run / "best").is_dir() or not (run / "curves.csv").is_file():
        return
    rows = list(csv.DictReader((run / "curves.csv").open()))
    target = KEPT / f"{experiment.name}.json"
    weights = fingerprint_of(run / "best")
    if not has_finished(experiment, rows) or (target.is_file() and json.loads(target.read_text())["weights"] == weights):
        return
    found, shown = scores(experiment, run / "best", experiment.data.digits)
    if path.parent.name == "moving-mnist":
        found |= {f"{name}, 3 digits": values for name, values in scores(experiment, run / "best", 3)[0].items()}
    network, config = load_checkpoint(run / "best")
    batch = experiment.training.batch
    kept = {
        "experiment": digest_of(path),
        "weights": weights,
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "windows_seen": max(int(row["step"]) for row in rows) * batch,
        "minutes": config.training["processor_minutes"] * max(int(row["step"]) for row in rows) / config.training["steps"],
        "validation": [[int(row["step"]) * batch, float(row["value"])] for row in rows if row["quantity"] == "validation_loss"],
        "films": found,
    }
    with replacing(KEPT / f"{experiment.name}.png") as beside:
        Image.fromarray(strip(shown)).save(beside, optimize=True)
    with replacing(target) as beside:
        beside.write_text(json.dumps(kept, separators=(",", ":")) + "\n")


def kept_runs(folder: str) -> dict[str, dict[str, Any]]:
    """What was kept of the runs of a folder of experiments, as these files are now."""
    found = {}
    for path in sorted(Path("experiments", folder).glob("*.toml")):
        target = KEPT / f"{path.stem}.json"
        kept = json.loads(target.read_text()) if target.is_file() else {}
        if kept.get("experiment") == digest_of(path):
            found[path.stem] = kept
    return found


def difference(run: dict[str, Any], reference: dict[str, Any], measure: str) -> str:
    """Mean difference over the films, and its interval."""
    parts = np.array(run["films"][measure]) - np.array(reference["films"][measure])
    samples = np.random.default_rng(0).choice(parts, (2000, len(parts))).mean(axis=1)
    low, high = np.quantile(samples, (0.025, 0.975))
    return f"{parts.mean():+.1f} [{low:+.1f}, {high:+.1f}]"


def section(table: Table, runs: dict[str, dict[str, Any]], total: int) -> Iterator[str]:
    """A table of runs."""
    measures = [name for name in COLUMNS if any(name in run["films"] for run in runs.values())]
    heads = ["run", "parameters", "films seen", "minutes of a core", *measures]
    heads += [f"{table.paper}, published"] if table.paper else []
    heads += [f"{table.measure} minus {table.reference}"]
    yield f"## {table.title}\n"
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for name, run in sorted(runs.items(), key=lambda item: np.mean(item[1]["films"][table.measure])):
        cells = [name, f"{run['parameters']:,}", f"{run['windows_seen']:,}", f"{run['minutes']:.0f}"]
        cells += [f"{np.mean(run['films'][measure]):.1f}" if measure in run["films"] else "-" for measure in measures]
        cells += [f"{table.published[name]:,.1f}" if name in table.published else "-"] if table.paper else []
        reference = runs.get(table.reference)
        cells += ["-" if reference is None or name == table.reference else difference(run, reference, table.measure)]
        yield "| " + " | ".join(cells) + " |"
    yield ""
    if table.reading:
        yield f"{table.reading}\n"
    if len(runs) < total:
        yield f"{total - len(runs)} of {total} runs of this table are not trained yet.\n"


def main() -> None:
    """Score what is not scored yet, and write the page and its pictures."""
    text = [HEAD]
    with progress_and_warnings():
        for folder, table in TABLES.items():
            paths = sorted(Path("experiments", folder).glob("*.toml"))
            for path in paths:
                score_run(path)
            runs = kept_runs(folder)
            if not runs:
                continue
            text += section(table, runs, len(paths))
            draw_curves({name: run["validation"] for name, run in runs.items()}, KEPT / f"{folder}-curves.png")
            experiment = read_experiment(paths[0])
            truth = next(iter(films(experiment, experiment.data.digits).sweep(FILM + 1))).values[FILM, experiment.data.past :]
            strips = {"truth": strip(truth)} | {name: np.asarray(Image.open(KEPT / f"{name}.png")) for name in runs}
            animate(strips, KEPT / f"{folder}.gif")
            text += [f"![Validation loss over the films seen]({KEPT.name}/{folder}-curves.png)\n"]
            text += [f"![One test film: what came, and what each network forecast]({KEPT.name}/{folder}.gif)\n"]
    PAGE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
