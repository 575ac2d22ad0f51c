"""Write docs/benchmarks/digits.md: networks on digits that move, beside each other as in the papers, as `make bench-digits` does.

It scores every run of `experiments/` on moving digits that is in `runs/` on the test films, which no run has seen, and leaves out the
rest. Scores are kept in `benchmark-results/digits.json`, so a network is scored once for each of its weights.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
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
RUNS, KEPT, PAGE = Path("runs"), Path("benchmark-results/digits.json"), Path("docs/benchmarks/digits.md")
FOLDERS = {
    "moving-mnist": "Moving MNIST, after table 1 of Shi et al. (2015)",
    "moving-mnist-pp": "MovingMNIST++, after table 3 of Shi et al. (2017)",
    "conv-tt": "Conv-TT-LSTM beside ConvLSTM at equal layers, after Su et al. (2020)",
    "quantised": "ConvLSTM with weights of few levels, after Hou et al. (2019)",
}
HEAD = f"""# Networks on digits that move

Written by `make bench-digits` from the runs of `experiments/` (`make train-digits`), on the first {FILMS} test films, which no run has
seen; 10 frames in, 10 out. Networks are a quarter as wide as those of the papers, or less, and each learnt for as long as its row says
on one core, so the numbers are to be compared with each other and not with the papers'. Cross-entropy is summed over the pixels and the
10 frames of a film, squared error over the pixels of a frame.
"""


def films(experiment: Experiment, digits: int) -> Samples:
    """The test part of an experiment's data."""
    images = load_digits(experiment.data.train or None)
    kind = MovingMNIST if experiment.data.kind == "moving-mnist" else MovingMNISTPlusPlus
    return kind(images, "test", digits=digits, length=experiment.data.past + experiment.data.future)


@torch.inference_mode()
def scores(experiment: Experiment, folder: Path, digits: int) -> dict[str, float]:
    """Cross-entropy of a film (of networks that give logits), squared error of a frame."""
    network, config = load_checkpoint(folder)
    entropy = error = 0.0
    seen = 0
    for batch in track(films(experiment, digits).sweep(BATCH), folder.parent.name, total=FILMS // BATCH):
        frames = torch.from_numpy(batch.values)[:, :, None]
        past, future = frames[:, : config.past_steps], frames[:, config.past_steps :]
        forecast = network(past, future.shape[1])
        if config.output == "sigmoid":
            entropy += float(functional.binary_cross_entropy_with_logits(forecast, future, reduction="sum"))
            forecast = forecast.sigmoid()
        error += float((forecast - future).square().sum()) / future.shape[1]
        seen += len(frames)
        if seen >= FILMS:
            break
    return {"squared error": error / seen} | ({"cross-entropy": entropy / seen} if config.output == "sigmoid" else {})


def rows(folder: str, kept: dict[str, Any]) -> Iterator[str]:
    """A line for each run that is there."""
    for path in sorted(Path("experiments", folder).glob("*.toml")):
        experiment = read_experiment(path)
        best = RUNS / experiment.name / "best"
        if not best.is_dir():
            continue
        key = f"{experiment.name} {fingerprint_of(best)}"
        if key not in kept:
            kept[key] = scores(experiment, best, experiment.data.digits)
            if folder == "moving-mnist":
                kept[key] |= {f"{name}, 3 digits": value for name, value in scores(experiment, best, 3).items()}
            with replacing(KEPT) as beside:
                beside.write_text(json.dumps(kept, indent=2))
        network, config = load_checkpoint(best)
        size = sum(weight.numel() for weight in network.parameters())
        numbers = [kept[key].get(name) for name in COLUMNS]
        cells = ["-" if number is None else f"{number:.1f}" for number in numbers]
        how = config.training
        yield f"| {experiment.name} | {size:,} | {how['windows_seen']:,} | {how['processor_minutes']:.0f} | " + " | ".join(cells) + " |"


COLUMNS = ("cross-entropy", "squared error", "cross-entropy, 3 digits", "squared error, 3 digits")


def main() -> None:
    """Score what is not scored yet, and write the page."""
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    text = [HEAD]
    with progress_and_warnings():
        for folder, title in FOLDERS.items():
            found = list(rows(folder, kept))
            if found:
                columns = " | ".join(COLUMNS)
                text += [f"## {title}\n", f"| run | parameters | films seen | minutes | {columns} |", "|---" * 8 + "|", *found, ""]
    PAGE.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
