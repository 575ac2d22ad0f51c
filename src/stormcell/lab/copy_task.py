"""The copy task: say again, in order, what was said before a long silence."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stormcell.cells import GRU, LSTM, RNN
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.networks.sequence import SequenceNetwork

__all__ = ["EXPERIMENT"]

SYMBOLS, LETTERS, UNITS, BATCH = 2, 8, 64, 32
GAPS, UPDATES = (5, 20, 40), 1000
SILENCE, ASK = 0, LETTERS + 1

CELLS: dict[str, Callable[[], RNN | LSTM | GRU]] = {
    "RNN": lambda: RNN(LETTERS + 2, UNITS),
    "LSTM": lambda: LSTM(LETTERS + 2, UNITS, forget_bias=3.0),
    "GRU": lambda: GRU(LETTERS + 2, UNITS),
}


def copied(sequences: int, gap: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Letters, a silence, and the request to repeat them.

    Args:
        sequences: how many.
        gap: steps from the last letter to the first answer.
        chance: of the letters.

    Returns:
        Inputs (batch, gap + 2 SYMBOLS, LETTERS + 2), one of them 1 at each step. Answers (batch, gap + 2 SYMBOLS):
        silence, then the letters.
    """
    said = torch.randint(1, LETTERS + 1, (sequences, SYMBOLS), generator=chance)
    silence = torch.full((sequences, gap - 1), SILENCE)
    asked = torch.full((sequences, SYMBOLS + 1), ASK)
    answers = torch.cat((torch.full((sequences, gap + SYMBOLS), SILENCE), said), dim=1)
    return nn.functional.one_hot(torch.cat((said, silence, asked), dim=1), LETTERS + 2).float(), answers


def learn_to_copy(name: str, gap: int, updates: int) -> tuple[list[float], float]:
    """Loss of each update, and the share of letters said right on new sequences."""
    torch.manual_seed(1)
    chance = torch.Generator().manual_seed(1)
    network = SequenceNetwork(CELLS[name](), nn.Linear(UNITS, LETTERS + 1), every_step=True)

    def loss(_: int) -> Tensor:
        inputs, answers = copied(BATCH, gap, chance)
        return nn.functional.cross_entropy(network(inputs)[0].flatten(0, 1), answers.flatten())

    losses = fit(network.parameters(), loss, f"{name}, gap {gap}", steps=updates, learning_rate=5e-3, clip=1.0)
    inputs, answers = copied(500, gap, chance)
    with torch.no_grad():
        said = network(inputs)[0][:, -SYMBOLS:].argmax(dim=2)
    return losses, float((said == answers[:, -SYMBOLS:]).float().mean())


def run(full: bool) -> Outcome:
    """Every cell with every gap."""
    gaps, updates = ((*GAPS, 80), 4000) if full else (GAPS, UPDATES)
    with torch.random.fork_rng():
        found = {name: {gap: learn_to_copy(name, gap, updates) for gap in gaps} for name in CELLS}
    guess, shown = 1 / LETTERS, gaps[1]
    with style():
        figure, (curves, right) = axes(2)
        for number, (name, by_gap) in enumerate(found.items()):
            smooth = np.convolve(by_gap[shown][0], np.ones(25) / 25, mode="valid")
            curves.plot(np.arange(smooth.size) + 25, smooth, color=COLOURS[number], linestyle=("-", "--", "-.")[number], label=name)
            right.plot(gaps, [100 * by_gap[gap][1] for gap in gaps], color=COLOURS[number], marker=MARKERS[number], label=name)
        without = SYMBOLS * math.log(LETTERS) / (shown + 2 * SYMBOLS)
        curves.axhline(without, color="black", linestyle=":", linewidth=1.2)
        curves.text(updates, without * 1.04, "without memory", ha="right", va="bottom")
        curves.set(
            xlabel="updates", ylabel="cross-entropy a step [nats]", title=f"learning, a silence of {shown} steps", ylim=(0, 2.2 * without)
        )
        right.axhline(100 * guess, color="black", linestyle=":", linewidth=1.2)
        right.set(xlabel="steps of silence", ylabel="letters said right [%]", title="what is remembered", xticks=gaps, ylim=(0, 105))
        right.legend()
    by_cell = {name: {gap: share for gap, (_, share) in by_gap.items()} for name, by_gap in found.items()}
    mean = {name: float(np.mean(list(shares.values()))) for name, shares in by_cell.items()}
    checks = (
        Check(f"GRU, a silence of {shown} steps: share of letters right (guessing: {guess:g})", by_cell["GRU"][shown], at_least=0.8),
        Check(
            "the better gated cell over the RNN: share right, mean over silences",
            max(mean["LSTM"], mean["GRU"]) / mean["RNN"],
            at_least=1.5,
        ),
    )
    picture = Picture(
        "letters-right-by-silence",
        figure,
        "The longer the silence, the fewer letters are remembered; cells with gates remember more, after as many updates.",
        "Left: cross-entropy falls over updates, below the line of no memory. Right: share of letters said right falls with the silence.",
    )
    return Outcome({"share_right_by_cell_and_silence": by_cell, "updates": updates, "share_right_by_guessing": guess}, checks, (picture,))


EXPERIMENT = Experiment(
    title="The copy task",
    claim="A network that is to repeat what lay before a long silence needs a memory that holds: gates make one.",
    place="on LSTM and GRU, equations 7 to 9",
    equations=(r"L_{\mathrm{no\ memory}} = \frac{n \ln 8}{T + 2n}",),
    idea="""Two letters out of eight are said, then there is silence, then a sign asks for the letters in their order. During silence the
    right answer is silence, which is easy; so a network without memory reaches the loss L above, n letters guessed among eight over a
    sequence of T + 2n steps, and everything below it is memory.

    Unlike the adding problem, which needs one number, this one needs several at once and in their order: a test of how much a state
    can hold, as well as of how long.""",
    shown=(copied, learn_to_copy),
    run=run,
    lesson="""All networks first find the line of no memory, and stay on it for a while: silence is learnt in no time, and the letters come
    after it. Cells with gates leave the line sooner, and with a short silence they repeat everything. With a longer silence the same number
    of updates brings less and less; what was not learnt here is mostly not impossible but slow, because the gradient from the letters'
    answer to the letters is faint.""",
    next=(
        "Run it with --full and see which cells get there with four times the updates.",
        "Say more letters (SYMBOLS): which cell holds more at once?",
        "Set forget_bias to 0 and look at the long silences again.",
    ),
    longer="a silence of 80 steps too, and four times as many updates.",
)
