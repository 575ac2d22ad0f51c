"""At equal numbers of parameters: one wide layer, or several narrow ones?"""

from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor

from stormcell.lab.drawing import COLOURS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.many_starts import side_by_side
from stormcell.lab.nested_waves import nested_waves
from stormcell.networks.feedforward import MLP

__all__ = ["EXPERIMENT"]

DEPTHS = (1, 2, 3, 4, 6)
STARTS = 5
PARAMETERS = 400


def parameters_of(depth: int, width: int) -> int:
    """Weights and biases of `depth` hidden layers."""
    return sum(weight.numel() for weight in MLP(4, [width] * depth, 1).parameters())


def width_for(depth: int) -> int:
    """The width of each hidden layer with which all of them have as nearly as possible `PARAMETERS` parameters."""
    return min(range(1, PARAMETERS), key=lambda width: abs(parameters_of(depth, width) - PARAMETERS))


def error_after_learning(depth: int, steps: int) -> list[float]:
    """Error on new samples, as a share of the standard deviation of the targets, from several random starts.

    Samples are drawn anew at every step, so that nothing can be learnt by heart.
    """
    networks = [MLP(4, [width_for(depth)] * depth, 1) for _ in range(STARTS)]
    parameters, answers = side_by_side(networks)

    def error(samples: int) -> Tensor:
        x, y = nested_waves(STARTS, samples)
        return (answers(x) - y).square().mean((1, 2))

    fit(parameters.values(), lambda _: error(128).sum(), f"{depth} hidden layers", steps=steps, learning_rate=1e-2)
    fit(parameters.values(), lambda _: error(128).sum(), f"{depth} hidden layers, slowly", steps=steps // 3, learning_rate=1e-3)
    with torch.no_grad():
        variance = nested_waves(1, 10000)[1].var()
        return [float(value) for value in (error(4000) / variance).sqrt()]


def draw(figures: Mapping[str, Any]) -> Picture:
    """Error over depth, a mark for each start."""
    with style():
        figure, (one,) = axes(height=4.2)
        errors = figures["error_share_by_depth"]
        for place, depth in enumerate(DEPTHS):
            one.plot([place] * STARTS, errors[str(depth)], "o", color=COLOURS[0], alpha=0.7, label="each start" if place == 0 else None)
        one.plot([median(errors[str(depth)]) for depth in DEPTHS], color=COLOURS[1], label="median")
        one.axhline(1.0, color="black", linestyle="--", linewidth=1.0)
        one.text(0.01, 1.02, "as wrong as always saying the mean", fontsize=10, transform=one.get_yaxis_transform())
        widths, counts = figures["width_by_depth"], figures["parameters_by_depth"]
        one.set_xticks(range(len(DEPTHS)), [f"{depth} x {widths[str(depth)]}\n({counts[str(depth)]})" for depth in DEPTHS])
        one.set(xlabel="hidden layers x units in each (parameters)", ylabel="error over standard deviation", ylim=(0, 1.15))
        one.legend(loc="lower right")
    return Picture(
        "depth-at-equal-parameters",
        figure,
        f"With about {PARAMETERS} parameters a few layers beat one wide layer; many very narrow ones lose again.",
        "Error on new samples against the number of hidden layers, at equal numbers of parameters, with a mark for each random start and a "
        "line through the medians. The line falls from one hidden layer to two or three, and rises again for four and six.",
    )


def run(full: bool) -> Outcome:
    """All depths, each from several random starts."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        errors = {str(depth): error_after_learning(depth, 6000 if full else 1200) for depth in DEPTHS}
    figures: dict[str, Any] = {
        "error_share_by_depth": errors,
        "width_by_depth": {str(depth): width_for(depth) for depth in DEPTHS},
        "parameters_by_depth": {str(depth): parameters_of(depth, width_for(depth)) for depth in DEPTHS},
    }
    middle = {depth: median(errors[str(depth)]) for depth in DEPTHS}
    counts = figures["parameters_by_depth"].values()
    checks = (
        Check("most parameters over fewest", max(counts) / min(counts), at_most=1.1),
        Check(
            "median error with two or three hidden layers, the better, over that with one",
            min(middle[2], middle[3]) / middle[1],
            at_most=0.8,
        ),
        Check(
            "median error with six hidden layers over that of the best: depth has its limit",
            middle[6] / min(middle.values()),
            at_least=1.1,
        ),
    )
    return Outcome(figures, checks, (draw(figures),))


EXPERIMENT = Experiment(
    title="Depth against width",
    claim="With the same number of parameters a deep network learns more than a wide one.",
    place="the comparison of deep and wide networks, after equations 2 to 4",
    equations=(
        r"y = h(h(x_1, x_2), \, h(x_3, x_4)), \quad h(a, b) = \sin(0.8 \pi (a + b))",
        r"P = (4 n + n) + (D - 1)(n^2 + n) + (n + 1)",
    ),
    idea="Depth ought to help where the task is itself made of parts that build on each other. Here it is: a wave of two waves (first "
    "line). "
    "A layer that has found the inner waves hands them to the next, whereas a single layer has to build every ripple in four dimensions "
    "from the inputs alone.\n\n"
    "Networks with D hidden layers of n ReLU units have P parameters (second line). For each D the width n is chosen so that P is about "
    "400. "
    "All learn for the same number of steps, from five random starts each, on samples that are drawn anew at each step. So nothing can be "
    "learnt by heart, and the error shows only what a network can say and find. An error of 1 is that of always saying the mean.",
    shown=(error_after_learning, nested_waves, side_by_side, MLP),
    run=run,
    lesson="The claim holds, within limits. Two layers beat one, and three are better still: the network of a single layer, five times as "
    "wide, stays wrong about most of the function.\n\n"
    "But deeper is not always better. From four layers on some starts, with six most, learn next to nothing and say the mean. Such layers "
    "are only eight to ten units wide. A ReLU unit that is zero for every sample is dead, as no gradient passes it, and where all units of "
    "one layer nearly are, the whole network is cut in two. The deep network could say more than the shallow one; plain gradient descent "
    "does not find it. Better first weights, batch normalisation and short cuts past layers are remedies for that.",
    next=(
        "Set PARAMETERS to 2000: up to which depth does the error now fall?",
        "Use leaky ReLU: do the deepest networks still get stuck?",
        "Replace the target by a sum of four waves, one for each input, in which nothing is nested. Is depth still better?",
    ),
    longer="five times as many training steps.",
)
