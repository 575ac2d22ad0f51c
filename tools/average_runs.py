"""Average the weights of training runs of one network: `average_runs.py OUT RUN RUN...`.

A network that went on learning from other rain, and the one that it went on from, lie in one valley: their mean serves both kinds of rain
better than either (Wortsman et al. 2022, doi:10.1109/CVPR52688.2022.00780). Decisions of a guided network are found anew.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from stormcell.cli.terminal import progress_and_warnings
from stormcell.config import read_experiment
from stormcell.networks.checkpoint import load_checkpoint, save_checkpoint
from stormcell.training.batches import Swept
from stormcell.training.fit import EXPERIMENT, make_module
from stormcell.training.guided_module import GuidedModule
from stormcell.training.saving import BEST
from stormcell.training.settle import settle
from stormcell.training.sources import SETTLING, open_source


def average(runs: list[Path], out: Path) -> None:
    """Write the mean of the runs' best weights to OUT/best.

    Args:
        runs: folders that `stormcell train` wrote, of one network; the last one's experiment says what the decisions are found on.
        out: its name is the model's title.

    Raises:
        ValueError: networks that differ.
    """
    network, config = load_checkpoint(runs[-1] / BEST)
    states = [load_checkpoint(run / BEST)[0].state_dict() for run in runs]
    if any({name: weight.shape for name, weight in state.items()} != {n: w.shape for n, w in states[0].items()} for state in states):
        raise ValueError(f"expected runs of one network, got weights of different shapes in {', '.join(map(str, runs))}")
    network.load_state_dict({name: torch.stack([state[name].float() for state in states]).mean(dim=0) for name in states[0]})
    told = {**config.training, "experiment": out.name, "averaged": ", ".join(run.name for run in runs)}
    out.mkdir(parents=True, exist_ok=True)
    (out / EXPERIMENT).write_bytes((runs[-1] / EXPERIMENT).read_bytes())
    experiment = read_experiment(out / EXPERIMENT)
    others = {"others": ", ".join(Path(other.archive).stem for other in experiment.data.others)} if experiment.data.others else {}
    save_checkpoint(out / BEST, network, replace(config, data=config.data | others, training=told, scores={}), title=out.name)
    module = make_module(experiment)
    if isinstance(module, GuidedModule):
        source = open_source(experiment.data, experiment.seed, guided=True)
        assert source.settling is not None
        settle(out / BEST, module, Swept(source.settling, SETTLING, experiment.training.batch), title=out.name)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        raise SystemExit("usage: average_runs.py OUT RUN RUN...")
    torch.set_num_threads(1)
    with progress_and_warnings():
        average([Path(run) for run in sys.argv[2:]], Path(sys.argv[1]))
