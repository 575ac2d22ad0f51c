"""Truncated back-propagation through time: what a shorter way back costs less, and what it no longer learns."""

import time

import torch
from torch import Tensor, nn

from stormcell.cells import LSTM, unroll
from stormcell.lab.delayed_recall import delayed_bits
from stormcell.lab.drawing import COLOURS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit

__all__ = ["EXPERIMENT"]

LAG, LENGTH, UNITS = 6, 60, 16
CUTS = (2, 4, 6, 8, 12, 20, 60)
COSTED = (10, 25, 50, 100, 200, 400)
LONG = 400


def learn_to_recall(cut: int, steps: int) -> float:
    """Share of wrong bits, on new sequences, after learning with gradients that reach back `cut` steps at most."""
    generator = torch.Generator().manual_seed(1)
    cell, read = LSTM(1, UNITS, forget_bias=1.0), nn.Linear(UNITS, 1)

    def answers(bits: Tensor, truncate: int | None) -> Tensor:
        outputs, _ = unroll(cell, bits, truncate=truncate)
        answer: Tensor = read(outputs[:, LAG:])
        return answer

    def loss(_: int) -> Tensor:
        bits, wanted = delayed_bits(32, LENGTH, LAG, generator)
        return nn.functional.soft_margin_loss(answers(bits, cut), wanted)

    fit([*cell.parameters(), *read.parameters()], loss, f"cut {cut}", steps=steps, learning_rate=1e-2, clip=1.0)
    bits, wanted = delayed_bits(256, LENGTH, LAG, generator)
    with torch.no_grad():
        return float((answers(bits, None).sign() != wanted).float().mean())


def cost_of_a_step(cut: int) -> tuple[float, float]:
    """Milliseconds, and megabytes kept for the way back at most, of one training step on a long sequence in pieces of `cut` steps."""
    generator = torch.Generator().manual_seed(1)
    cell, read = LSTM(1, 64), nn.Linear(64, 1)
    bits, _ = delayed_bits(16, LONG, LAG, generator)
    kept = most = 0
    start = time.perf_counter()
    state = None

    def keep(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    for first in range(0, LONG, cut):
        kept = 0
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs, last = unroll(cell, bits[:, first : first + cut], state)
            loss = read(outputs).square().mean()
        loss.backward()
        state = tuple(part.detach() for part in last)
        most = max(most, kept)
    return 1000 * (time.perf_counter() - start), most / 1e6


def run(full: bool) -> Outcome:
    """Learn the same task with shorter and shorter ways back."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        wrong = {cut: learn_to_recall(cut, 900 if full else 300) for cut in CUTS}
        costs = {cut: min(cost_of_a_step(cut) for _ in range(3)) for cut in COSTED}
    with style():
        figure, (learnt, cost) = axes(2)
        learnt.plot(list(wrong), [100 * share for share in wrong.values()], marker="o")
        learnt.axvline(LAG, color=COLOURS[1], linestyle="--")
        learnt.text(LAG * 1.08, 44, f"the bit is {LAG} steps back", color=COLOURS[1])
        learnt.set(xlabel="steps that gradients reach back", ylabel="wrong bits [%]", ylim=(-2, 55), xscale="log", title="what is learnt")
        learnt.set_xticks(list(wrong), [str(cut) for cut in wrong])
        learnt.minorticks_off()
        cost.plot(list(costs), [size for _, size in costs.values()], marker="s", color=COLOURS[2])
        cost.set(xlabel="steps that gradients reach back", ylabel="kept for the way back [MB]", title=f"what {LONG} steps cost")
    figures = {
        "share_of_wrong_bits_by_cut": wrong,
        "milliseconds_by_cut": {cut: milliseconds for cut, (milliseconds, _) in costs.items()},
        "megabytes_kept_by_cut": {cut: size for cut, (_, size) in costs.items()},
    }
    checks = (
        Check("wrong bits with gradients over 4 steps (half is guessing)", wrong[4], at_least=0.3),
        Check(f"wrong bits with gradients over 12 steps, twice the {LAG} that it takes", wrong[12], at_most=0.05),
        Check("memory with gradients over 400 steps, over that with 25", costs[400][1] / costs[25][1], at_least=12, at_most=20),
    )
    picture = Picture(
        "recall-and-memory-by-cut",
        figure,
        f"Nothing that lies further back than the cut is learnt, and memory is the price of each step more: here {LAG} steps are needed.",
        "Left: share of wrong bits falls from one half to nearly nothing where gradients reach back further than the six steps to the bit. "
        "Right: megabytes kept grow in a straight line with the steps that gradients reach back.",
    )
    return Outcome(figures, checks, (picture,))


EXPERIMENT = Experiment(
    title="Truncated back-propagation through time",
    claim="Back-propagation through all of a long sequence is dear; cut to a length that the user sets it is cheaper, and what lies "
    "further back is not learnt.",
    place="on back-propagation through time and its truncation",
    equations=(
        r"\frac{\partial L_t}{\partial W} = \sum_{k=0}^{t} \frac{\partial L_t}{\partial h_t} \frac{\partial h_t}{\partial h_{t-k}} "
        r"\frac{\partial h_{t-k}}{\partial W} \approx \sum_{k=0}^{K-1} \ldots",
    ),
    idea="""A recurrent network uses the same weights W at every step, so the gradient of an error at time t is a sum over all steps k
    before it. Truncation leaves out the terms from a cut on: every K steps the state is carried on as a plain number, through which no
    gradient flows.

    To see what is lost, a small LSTM is asked for the bit that came six steps before, among random bits, so that nothing but that bit
    helps. It learns with gradients cut every 2, 4, 6, ... steps. Cuts come at fixed places, so with a cut of K steps most answers have a
    way back that is shorter than K.

    To see what is saved, a long sequence is worked through in pieces, and all that autograd keeps for the way back is counted.""",
    shown=(learn_to_recall, cost_of_a_step, delayed_bits, unroll),
    run=run,
    lesson="""With a way back that is shorter than the distance to the bit the network does little better than to guess, however long it
    trains. (A little: its random weights happen to carry some of the past on, as those of an echo-state network do, and what is carried
    can be read. Nothing teaches them to carry more.) As soon as some gradients bridge the distance, it learns, and the same weights then
    serve at every step: not every answer needs a long way back, some do.

    Memory is proportional to the cut, because everything between two cuts is kept until the way back begins. The time for a whole
    sequence depends on it much less: each step goes forward once and back once, and only the caches of the processor notice.""",
    next=(
        "Move the bit further away (LAG) and find the shortest cut that still learns it.",
        "Give the RNN the same task: does its cut matter as much?",
        "Use checkpoint_every of unroll: full gradients with less memory, for a third more time.",
    ),
    longer="three times as many training steps.",
)
