"""A deep network that begins with what a shallower one has learnt, beside one that begins at random."""

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import torch

from stormcell.lab.drawing import COLOURS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.many_starts import side_by_side
from stormcell.lab.nested_waves import nested_waves
from stormcell.networks.feedforward import MLP, deeper

__all__ = ["EXPERIMENT"]

SHALLOW, ADDED, WIDTH = 2, 4, 16
STARTS, BATCH = 8, 128
WANTED = 0.4


def trained(networks: Sequence[MLP], steps: int, what: str) -> tuple[list[MLP], list[list[float]]]:
    """The networks after learning, and the error of each at every step, as a share of the variance of the targets.

    Samples are drawn anew at every step: the loss of a step, before it teaches, is an error on new samples.
    """
    parameters, answers = side_by_side(networks)
    variance = nested_waves(1, 10000)[1].var()
    errors: list[list[float]] = []

    def loss(_: int) -> torch.Tensor:
        x, y = nested_waves(len(networks), BATCH)
        error = (answers(x) - y).square().mean((1, 2)) / variance
        errors.append(error.tolist())
        return error.sum()

    fit(parameters.values(), loss, what, steps=steps, learning_rate=5e-3)
    for number, network in enumerate(networks):
        network.load_state_dict({name: weight[number].detach() for name, weight in parameters.items()})
    return list(networks), [list(curve) for curve in zip(*errors, strict=True)]


def smooth(curve: Sequence[float]) -> list[float]:
    """Mean over the last 20 steps, so that one lucky batch does not count."""
    return [sum(curve[max(0, step - 19) : step + 1]) / min(20, step + 1) for step in range(len(curve))]


def steps_until(curve: Sequence[float], error: float) -> float:
    """Steps until the smoothed error is at or below `error`; infinite if it never is."""
    return next((float(step) for step, value in enumerate(smooth(curve)) if value <= error), math.inf)


def draw(figures: Mapping[str, Any]) -> Picture:
    """Error over the work that was spent, that of the shallow network included."""
    small, large = (figures["parameters"][name] / 1e6 for name in ("shallow", "deep"))
    spent = figures["steps_of_shallow_network"] * small
    with style():
        figure, (one,) = axes(height=4.2)
        looks = (
            ("shallow", 0.0, small, COLOURS[2], ":", "shallow network"),
            ("fresh", 0.0, large, COLOURS[0], "--", "deep, from random weights"),
        )
        for name, first, dear, colour, line, label in (*looks, ("grown", spent, large, COLOURS[1], "-", "deep, from the shallow network")):
            curves = [smooth(curve) for curve in figures[f"error_{name}"]]
            work = [first + step * dear for step in range(len(curves[0]))]
            for curve in curves:
                one.plot(work, curve, color=colour, linewidth=0.6, alpha=0.5)
            middle = [median(values) for values in zip(*curves, strict=True)]
            one.plot(work, middle, color=colour, linestyle=line, linewidth=2.4, label=label)
        one.axvline(spent, color="black", linewidth=1.0)
        one.text(spent * 1.03, 1.12, "layers are added", fontsize=10)
        one.set(
            xlabel="work: steps times parameters [millions], the shallow network's included",
            ylabel="error over variance of the targets",
            ylim=(0, 1.2),
        )
        figure.legend(*one.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Picture(
        "pre-training",
        figure,
        "For the same work, a deep network grown from a shallow one is ahead of one from random weights, some of which never learn.",
        "Error against work, which is steps times parameters, thin lines for each start and a thick one for the median. The shallow "
        "network falls first. At a vertical line layers are added to it; the deep network that grew from it is shaken by its first steps, "
        "and then goes on downwards below the shallow one. The deep network from random weights stays higher for as much work, and some of "
        "its starts stay at one.",
    )


def run(full: bool) -> Outcome:
    """Shallow networks, deep ones grown from them, and deep ones from random weights, for as many steps in all."""
    before, after = (3000, 3000) if full else (900, 600)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shallow, shallow_errors = trained([MLP(4, [WIDTH] * SHALLOW, 1) for _ in range(STARTS)], before, "shallow")
        x, _ = nested_waves(1, 1000)
        grown = [deeper(network, ADDED) for network in shallow]
        with torch.no_grad():
            jump = max(float((deep(x) - network(x)).abs().max()) for deep, network in zip(grown, shallow, strict=True))
        _, grown_errors = trained(grown, after, "grown")
        _, fresh_errors = trained([MLP(4, [WIDTH] * (SHALLOW + ADDED), 1) for _ in range(STARTS)], before + after, "fresh")
    ends = {name: median(smooth(curve)[-1] for curve in errors) for name, errors in (("grown", grown_errors), ("fresh", fresh_errors))}
    grown_steps = median(steps_until(curve, WANTED) for curve in grown_errors)
    fresh_steps = median(min(steps_until(curve, WANTED), before + after) for curve in fresh_errors)
    small, large = (sum(weight.numel() for weight in network.parameters()) for network in (shallow[0], grown[0]))
    work_saved = 1 - (before * small + grown_steps * large) / (fresh_steps * large)
    figures = {
        "steps_of_shallow_network": before,
        "hidden_layers": {"shallow": SHALLOW, "deep": SHALLOW + ADDED},
        "error_wanted": WANTED,
        "median_steps_of_deep_network_grown": min(grown_steps, after),
        "median_steps_of_deep_network_fresh_at_least": fresh_steps,
        "parameters": {"shallow": small, "deep": large},
        "share_of_steps_times_parameters_saved": work_saved if math.isfinite(work_saved) else None,
        "median_error_at_the_end": ends,
        "error_shallow": shallow_errors,
        "error_grown": grown_errors,
        "error_fresh": fresh_errors,
    }
    checks = (
        Check("largest difference between a shallow network and the deep one it grew into, before that learns", jump, at_most=1e-5),
        Check("steps of the deep network until the error is wanted, grown over fresh (medians)", grown_steps / fresh_steps, at_most=0.5),
        Check("steps times parameters that are saved, the shallow network's own training included", work_saved, at_least=0.2),
    )
    return Outcome(figures, checks, (draw(figures),))


EXPERIMENT = Experiment(
    title="Pre-training on a shallower network",
    claim="A deep network need not learn from nothing: it can begin with the weights of a shallower one that has been trained, and then "
    "takes less training.",
    place="the advice on training samples and on pre-training with shallower networks",
    equations=(
        r"y_l = f(W_l y_{l-1} + b_l)",
        r"W_{\mathrm{new}} = I, \quad b_{\mathrm{new}} = 0 \quad \Rightarrow \quad f(f(v)) = f(v) \text{ for ReLU}",
    ),
    idea="A network with two hidden layers of ReLU units learns a wave of two waves, on samples drawn anew at each step. Then four hidden "
    "layers are put in before its last, which begin as the identity I (second line). What has passed ReLU once passes it again "
    "unchanged, so the deep network says at first exactly what the shallow one did, and goes on from there.\n\n"
    "Beside it a network of the same depth learns from random weights, for as many steps as the other two had together. Compared are the "
    "steps until the error is two fifths of the variance of the targets. As a step of a deep network is dearer than that of a shallow "
    "one, the "
    "work is compared too: steps times parameters, with all that the shallow network took.",
    shown=(deeper, trained, steps_until, side_by_side),
    run=run,
    lesson="The grown network reaches the error wanted in a fraction of the steps that the fresh one takes. With the shallow network's "
    "own steps added it is as many steps or more, but most of them were cheap, and work is saved.\n\n"
    "What is gained is the beginning: a fresh deep network spends hundreds of steps learning next to nothing, and how many is a matter "
    "of luck, as its thin lines show; some never begin. Those that do learn well, and with as many steps as the other two had together, "
    "which is more work, they end lower: pre-training saves work and spares the wait, it does not by itself make a better network. Nor is "
    "growing free of trouble. The deep network begins exactly as the shallow one, but the first steps of the optimiser, which knows "
    "nothing yet of the new layers, shake it for a moment.",
    next=(
        "Grow the network after 100, 300 and 1000 steps: when is best?",
        "Use tanh, for which f(f(v)) is not f(v): how large is the jump, and does it matter?",
        "Hold the copied layers still for the first steps and train only the new ones.",
    ),
    longer="five times as many steps of each network.",
)
