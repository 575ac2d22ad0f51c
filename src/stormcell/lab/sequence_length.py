"""Why very long sequences hurt: time and memory in proportion to length, a gradient that fades, and a task that is no longer learnt."""

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.cells.cell import State, unroll
from stormcell.cells.fused import unroll_fused
from stormcell.cells.lstm import LSTM
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.live_memory import LiveMemory
from stormcell.lab.marked_values import added
from stormcell.networks.sequence import SequenceNetwork
from stormcell.progress import track

__all__ = ["EXPERIMENT"]

UNITS, BATCH, PIECE = 32, 16, 50
COSTED = (50, 100, 200, 400, 800, 1600)
FADED = (10, 20, 40, 80, 160, 320)
FORGET_BIASES = (0.0, 1.0, 5.0)
LEARNT = (10, 20, 40, 80, 160)
WAYS = ("whole", "checkpoints", "pieces")


def one_update(way: str, cell: LSTM, inputs: Tensor) -> None:
    """Forward through a sequence and back, with a loss at every step, in one of three ways.

    whole         the whole sequence at once
    checkpoints   the same gradient, but only every so many states are kept, and what lies between is computed a second time
    pieces        truncated: forward and back through 50 steps, then on from the state that they left
    """
    length = inputs.shape[1]
    if way == "whole":
        outputs, _ = unroll_fused(cell, inputs)
        outputs.square().mean().backward()  # type: ignore[no-untyped-call]
    elif way == "checkpoints":
        outputs, _ = unroll(cell, inputs, checkpoint_every=round(math.sqrt(length)))
        outputs.square().mean().backward()  # type: ignore[no-untyped-call]
    else:
        state: State | None = None
        for piece in torch.split(inputs, PIECE, dim=1):
            outputs, last = unroll_fused(cell, piece, state)
            (outputs.square().mean() * piece.shape[1] / length).backward()  # type: ignore[no-untyped-call]
            state = tuple(part.detach() for part in last)


def milliseconds(way: str, length: int) -> float:
    """Processor time of one update, the least of five."""
    cell, inputs = LSTM(2, UNITS), torch.randn(BATCH, length, 2)
    seconds = []
    for _ in range(5):
        cell.zero_grad()
        start = time.process_time()
        one_update(way, cell, inputs)
        seconds.append(time.process_time() - start)
    return 1000 * min(seconds)


def megabytes(way: str, length: int) -> float:
    """The most that one update holds at the same time, beside weights and inputs."""
    cell, inputs = LSTM(2, UNITS), torch.randn(BATCH, length, 2)
    with LiveMemory() as memory:
        memory.note_as_there(inputs, *cell.parameters())
        one_update(way, cell, inputs)
    return float(memory.most) / 1e6


def gradients(way: str, length: int) -> Tensor:
    """Of all the weights, in one row, always of the same network and inputs."""
    torch.manual_seed(0)
    cell, inputs = LSTM(2, UNITS), torch.randn(BATCH, length, 2)
    one_update(way, cell, inputs)
    return torch.cat([weight.grad.flatten() for weight in cell.parameters() if weight.grad is not None])


def gradient_to_the_first_step(length: int, forget_bias: float) -> float:
    """Norm of the gradient of the last output to the first input, over that to the last input, of an LSTM that has not learnt yet."""
    torch.manual_seed(0)
    cell = LSTM(2, UNITS, forget_bias=forget_bias).double()
    inputs = torch.randn(BATCH, length, 2, dtype=torch.float64, requires_grad=True)
    outputs, _ = unroll_fused(cell, inputs)
    (gradient,) = torch.autograd.grad(outputs[:, -1].sum(), inputs)
    return float(gradient[:, 0].norm() / gradient[:, -1].norm())


def learn_to_add(length: int, seed: int, updates: int) -> float:
    """Mean square error in the adding problem of this length, as a share of the answers' variance, after so many updates."""
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    network = SequenceNetwork(LSTM(2, UNITS, forget_bias=1.0), nn.Linear(UNITS, 1))

    def loss(batch: int) -> Tensor:
        inputs, answers = added(batch, length, chance)
        return nn.functional.mse_loss(network(inputs)[0][:, 0], answers)

    fit(network.parameters(), lambda step: loss(64), f"adding over {length} steps", steps=updates, learning_rate=5e-3, clip=1.0)
    with torch.no_grad():
        return float(loss(1000)) * 6.0  # the variance is 1/6


def slope(values: Mapping[int, float]) -> float:
    """Power of the length with which a cost grows from the shortest to the longest: 1 is in proportion."""
    short, long = min(values), max(values)
    return math.log(values[long] / values[short]) / math.log(long / short)


def draw(figures: Mapping[str, Any]) -> tuple[Picture, Picture]:
    """Costs against length, and gradient and error against length."""
    labels = {"whole": "whole sequence", "checkpoints": "with checkpoints", "pieces": f"cut every {PIECE} steps"}
    with style():
        costs, (left, right) = axes(2)
        for one, key, unit in ((left, "milliseconds_by_length", "time [ms of processor]"), (right, "megabytes_by_length", "memory [MB]")):
            for way, values in figures[key].items():
                number = WAYS.index(way)
                one.loglog(list(values), list(values.values()), marker=MARKERS[number], color=COLOURS[number], label=labels[way])
            one.set(xlabel="length [steps]", ylabel=f"{unit}")
            one.set_xticks(COSTED, [str(length) for length in COSTED])
            one.minorticks_off()
            one.legend(loc="upper left")
        left.set(title="one update takes")
        right.set(title="one update holds")
        right.set_ylim(top=300)

        learning, (left, right) = axes(2)
        for number, (bias, faded) in enumerate(figures["gradient_to_the_first_step_by_forget_bias_and_length"].items()):
            left.loglog(list(faded), list(faded.values()), marker=MARKERS[number], color=COLOURS[number], label=f"forget bias {bias:g}")
        left.set(xlabel="length [steps]", ylabel="first step's gradient over the last's", title="before learning", ylim=(1e-25, 1e5))
        left.legend(loc="lower left")
        errors = figures["error_as_a_share_of_the_variance_by_length"]
        right.plot(list(errors), [sum(each) / len(each) for each in errors.values()], color=COLOURS[0])
        for length, each in errors.items():
            right.plot([length] * len(each), each, MARKERS[0], color=COLOURS[0], alpha=0.7)
        right.axhline(1.0, color="#555555", linestyle="--", linewidth=1.2)
        right.text(10, 1.03, "the mean as answer", color="#555555")
        right.set(xlabel="length [steps]", ylabel="error [share of variance]", title=f"after {figures['updates']} updates")
        right.set(xscale="log", ylim=(0, 1.2))
        for one, ticks in ((left, FADED), (right, list(errors))):
            one.set_xticks(ticks, [str(length) for length in ticks])
            one.minorticks_off()
    return (
        Picture(
            "costs",
            costs,
            "Twice the length takes twice the time and twice the memory; only a cut makes memory independent of length.",
            "Two panels on logarithmic scales against the length of the sequence. Left, time: the whole sequence and the one in pieces "
            "rise alike. Right, memory: a line in proportion to the length for the whole sequence, another at about a quarter of it with "
            "checkpoints, and a level one in pieces.",
        ),
        Picture(
            "learning",
            learning,
            "The longer the sequence, the less of the gradient reaches its first step, and beyond some length nothing is learnt.",
            "Left, the gradient to the first step, as a share of that to the last, against length on logarithmic scales: it falls off a "
            "cliff for forget biases of 0 and 1, and stays for 5. Right, the error in the adding problem: small up to 40 steps, as bad as "
            "the mean from 80 steps on; one dot a start.",
        ),
    )


def run(full: bool) -> Outcome:
    """Costs, gradients and errors for sequences of several lengths."""
    updates, seeds = (2000, range(4)) if full else (600, range(2))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        spent = {way: {length: milliseconds(way, length) for length in COSTED} for way in track(("whole", "pieces"), "timing")}
        held = {way: {length: megabytes(way, length) for length in COSTED} for way in track(WAYS, "counting memory")}
        faded = {bias: {length: gradient_to_the_first_step(length, bias) for length in FADED} for bias in FORGET_BIASES}
        errors = {length: [learn_to_add(length, seed, updates) for seed in seeds] for length in LEARNT}
        exact = gradients("whole", 400)
        apart = {way: float((gradients(way, 400) - exact).norm() / exact.norm()) for way in ("checkpoints", "pieces")}
    figures = {
        "milliseconds_by_length": spent,
        "megabytes_by_length": held,
        "gradient_to_the_first_step_by_forget_bias_and_length": faded,
        "updates": updates,
        "error_as_a_share_of_the_variance_by_length": errors,
        "difference_of_the_gradient_over_400_steps_from_the_whole_as_a_share": apart,
    }
    last = COSTED[-1]
    checks = [
        Check("power of the length with which time grows", slope(spent["whole"]), at_least=0.7, at_most=1.4),
        Check("power of the length with which memory grows", slope(held["whole"]), at_least=0.95, at_most=1.05),
        Check("memory in pieces, the longest sequence over one of 100 steps", held["pieces"][last] / held["pieces"][100], at_most=1.1),
        Check(
            "memory with checkpoints over that of the whole, longest sequence", held["checkpoints"][last] / held["whole"][last], at_most=0.4
        ),
        Check("difference of the gradient with checkpoints, as a share", apart["checkpoints"], at_most=1e-4),
        Check("first step's gradient over the last's, 80 steps, forget bias 0", faded[0.0][80], at_most=1e-9),
        Check("first step's gradient over the last's, 80 steps, forget bias 1", faded[1.0][80], at_most=1e-3),
        Check("first step's gradient over the last's, 80 steps, forget bias 5", faded[5.0][80], at_least=0.1),
        Check("largest error over 10 steps, as a share of the variance", max(errors[10]), at_most=0.1),
    ]
    if not full:
        checks.append(Check("least error over 160 steps after the same number of updates", min(errors[160]), at_least=0.8))
    return Outcome(figures, checks, draw(figures))


EXPERIMENT = Experiment(
    title="Why very long sequences hurt",
    claim="Very long sequences are hard even for an LSTM: time and memory grow with their length, and the gradient that should teach the "
    "first steps has faded before it gets there.",
    place="where it speaks of the limits of recurrent networks on very long sequences",
    equations=(
        r"\frac{\partial c_t}{\partial c_0} \approx \prod_{k=1}^{t} f_k, \quad f_k = \sigma(\ldots + b_f)",
        r"\sigma(0)^{80} \approx 10^{-24}, \quad \sigma(1)^{80} \approx 10^{-11}, \quad \sigma(5)^{80} \approx 0.6",
    ),
    idea="An LSTM of 32 units goes forward and back through sequences of 50 to 1600 steps with an error at every step, and processor time "
    "and memory of one update are measured: all that is held at the same time, beside weights and inputs. Two remedies are put beside "
    "the whole sequence. Checkpoints keep only as many states as the root of the length and compute what lies between a second time on "
    "the way back, so the gradient is the same. Truncation goes forward and back through pieces of 50 steps and carries only the value "
    "of the state on; no gradient crosses a cut. (Checkpoints are compared by memory alone, since their steps do not run in the "
    "kernel of torch that does a whole sequence at once.)\n\n"
    "Then the gradient of the last output to the first input, as a share of that to the last input, for an LSTM that has not "
    "learnt yet. Along the cell state c it is about the product of the forget gates f, and these begin near the sigmoid of their bias "
    "b. The first line of the equations says so, the second what it comes to in 80 steps; what goes by way of the outputs h is added "
    "to that.\n\n"
    "Finally LSTMs with a forget bias of 1 learn to add two marked values, one in each half of the sequence, with the same number of "
    "updates for each length. An error of 1 is that of the mean.",
    shown=(one_update, LiveMemory, gradient_to_the_first_step),
    run=run,
    lesson="Cost is in proportion to length, no worse; but the longest sequences of the adding task cost most and teach least. With usual "
    "biases the first step gets no gradient to speak of, and in the number of updates that is ample for 40 steps, 80 steps are not learnt "
    "at all: the network answers with the mean. Nothing but the length has changed.\n\n"
    "The remedies each have their price. Cut into pieces, memory no longer depends on the length, but the gradient is another one, and "
    "what lies beyond a cut is not learnt. Checkpoints leave the gradient as it is and save most of the memory, for a second "
    "forward pass. A forget gate that begins open costs nothing and lets the gradient through, if the task is to remember; an LSTM that "
    "keeps everything has to learn to forget instead.",
    next=(
        "Learn to add over 160 steps with a forget bias of 5.",
        "Begin with sequences of 20 steps and lengthen them as the error falls.",
        "Radar sequences are short, but each state is an image: count the memory of a ConvLSTM with and without checkpoints.",
    ),
    longer="2000 updates and four starts for each length of the adding task, to see how far patience helps.",
)
