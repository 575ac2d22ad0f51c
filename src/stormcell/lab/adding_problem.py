"""The adding problem: two of many numbers are marked, and their sum is wanted at the end. How long may it be for each cell?"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stormcell.cells import GRU, LSTM, RNN
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.marked_values import added
from stormcell.networks.sequence import SequenceNetwork

__all__ = ["EXPERIMENT"]

UNITS, BATCH, UPDATES = 32, 32, 700
LENGTHS, LONGER = (10, 30, 60), (10, 30, 60, 120)
ALWAYS_ONE = 1 / 6  # squared error of always saying 1, the mean of the answers

CELLS: dict[str, Callable[[], RNN | LSTM | GRU]] = {
    "RNN": lambda: RNN(2, UNITS),
    "LSTM": lambda: LSTM(2, UNITS, forget_bias=1.0),
    "GRU": lambda: GRU(2, UNITS),
}


def learn_to_add(name: str, length: int, updates: int, seed: int) -> tuple[list[float], float]:
    """Loss of each update, and the squared error on new sequences, of one cell on sequences of one length."""
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    network = SequenceNetwork(CELLS[name](), nn.Linear(UNITS, 1))

    def error(sequences: int) -> Tensor:
        inputs, wanted = added(sequences, length, chance)
        answers, _ = network(inputs)
        squared: Tensor = (answers[:, 0] - wanted).square().mean()
        return squared

    losses = fit(network.parameters(), lambda _: error(BATCH), f"{name}, {length} steps", steps=updates, learning_rate=5e-3, clip=1.0)
    with torch.no_grad():
        return losses, float(error(1000))


def run(full: bool) -> Outcome:
    """Every cell at every length, the best of two starts."""
    lengths, updates = (LONGER, 2000) if full else (LENGTHS, UPDATES)
    with torch.random.fork_rng():
        found = {
            name: {
                length: min((learn_to_add(name, length, updates, seed) for seed in (1, 2)), key=lambda one: one[1]) for length in lengths
            }
            for name in CELLS
        }
    with style():
        figure, (curves, errors) = axes(2)
        for number, (name, by_length) in enumerate(found.items()):
            smooth = np.convolve(by_length[lengths[1]][0], np.ones(25) / 25, mode="valid")
            curves.plot(np.arange(smooth.size) + 25, smooth, color=COLOURS[number], linestyle=("-", "--", "-.")[number], label=name)
            errors.plot(lengths, [by_length[length][1] for length in lengths], color=COLOURS[number], marker=MARKERS[number], label=name)
        for axis in (curves, errors):
            axis.axhline(ALWAYS_ONE, color="black", linestyle=":", linewidth=1.2)
            axis.set(yscale="log", ylabel="mean squared error")
        curves.text(updates, ALWAYS_ONE * 1.1, "always saying 1", ha="right", va="bottom")
        curves.set(xlabel="updates", title=f"learning, {lengths[1]} steps")
        errors.set(xlabel="steps of the sequence", title="what is left, by length", xticks=lengths)
        errors.legend()
    by_cell = {name: {length: error for length, (_, error) in by_length.items()} for name, by_length in found.items()}
    long = lengths[2]
    gated = max(by_cell[name][lengths[1]] for name in ("LSTM", "GRU"))
    checks = (
        Check(f"LSTM and GRU, {lengths[1]} steps: the worse error over that of always saying 1", gated / ALWAYS_ONE, at_most=0.25),
        Check(
            f"RNN, {long} steps: its error over that of the better gated cell",
            by_cell["RNN"][long] / min(by_cell["LSTM"][long], by_cell["GRU"][long]),
            at_least=3,
        ),
    )
    picture = Picture(
        "error-by-length",
        figure,
        "Gates let a network add numbers that are far apart; the plain RNN stays at the guess where sequences are long.",
        "Left: error falls over updates for LSTM and GRU, less or later for the RNN. Right: error after learning, by length.",
    )
    return Outcome({"error_by_cell_and_length": by_cell, "error_of_always_saying_1": ALWAYS_ONE, "updates": updates}, checks, (picture,))


EXPERIMENT = Experiment(
    title="The adding problem",
    claim="LSTM and GRU learn from what lies far back in a sequence, where a plain recurrent network does not.",
    place="on LSTM and GRU, equations 7 to 9",
    equations=(r"y = x_i + x_j, \quad m_i = m_j = 1, \; i \le \frac{T}{2} < j", r"\mathrm{Var}(y) = \frac{2}{12} = \frac{1}{6}"),
    idea="""At each of T steps comes a number between 0 and 1 and a mark; two numbers are marked, one in each half, and at the end their sum
    is asked for. The marks are a network's only hint, and they come anywhere. Whoever has not understood can always say 1, the mean, and
    has an error of one sixth.

    Nothing in between matters, so what is tested is only how long a cell can hold on, and whether its gradient reaches back to the mark.
    All cells have 32 units and as many updates; of two starts the better one counts.""",
    shown=(learn_to_add, added),
    run=run,
    lesson="""Short sums are learnt by all. With length the plain RNN has ever more trouble, because the gradient that would teach it to
    keep the first number has vanished on its way back; it stays at the guess for long, and some starts never leave it. Cells with gates
    leave it, and suddenly: as soon as a gate happens to let something pass, there is a gradient to make it better. How soon depends on
    the start and on the cell; the longest sequences here are not learnt by every gated cell within so few updates either.""",
    next=(
        "Let the sequences grow to 120 steps with --full: how many updates does the GRU need?",
        "Give the RNN orthogonal weights at the start, as in the chapter on its gradient.",
        "Mark three numbers.",
    ),
    longer="sequences of 120 steps too, and nearly three times as many updates.",
)
