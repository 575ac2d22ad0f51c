"""`stormcell train`: an experiment file becomes a network that forecasts."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train"]


def train(
    experiment: Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="What to do; docs/training.md has every key.")],
    changes: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a key: training.steps=200.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="The run's folder; runs/NAME if left out.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run in the folder stopped.")] = False,
    find_rate: Annotated[
        bool, typer.Option("--find-rate", help="Only find a learning rate, in 100 steps, and draw how it was found.")
    ] = False,
) -> None:
    """Train a network on an archive of radar, or on digits that move."""
    from importlib.util import find_spec

    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.config import read_experiment
    from stormcell.errors import MissingExtraError

    try:
        from stormcell.training.fit import find_learning_rate
        from stormcell.training.fit import train as run
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "lightning", extra="train", purpose="training") from error
    if find_spec("tensorboard") is None:
        raise MissingExtraError("tensorboard", extra="train", purpose="training")
    wanted = read_experiment(experiment, changes or ())
    folder = output or Path("runs") / wanted.name
    with progress_and_warnings():
        if find_rate:
            found = find_learning_rate(wanted, folder)
            print(f"the loss falls most steeply at training.learning_rate={found:.2g}; see {folder / 'learning_rate.png'}")
            return
        best = run(wanted, folder, resume=resume, say=_speaker())
    print(f"wrote     {best}: use it with stormcell nowcast --method {best}")


def _speaker() -> Callable[[str, bool], None]:
    """Lines worth keeping stay; the others are written over, where there is a terminal to write over on."""
    import sys

    passing = sys.stderr.isatty()

    def say(line: str, keep: bool) -> None:
        if keep:
            print(("\r\x1b[K" if passing else "") + line, file=sys.stderr, flush=True)
        elif passing:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    return say
