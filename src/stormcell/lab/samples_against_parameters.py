"""How many samples does a network need for each of its parameters? The gap between known and new samples shows it."""

from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor

from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.many_starts import side_by_side
from stormcell.networks.feedforward import MLP

__all__ = ["EXPERIMENT"]

RATIOS = (0.25, 0.5, 1, 2, 3, 4, 8, 16)
INPUTS, UNITS, NOISE = 4, 12, 0.3
STARTS = 5


def network() -> MLP:
    """One hidden layer of twelve units: 73 parameters."""
    return MLP(INPUTS, (UNITS,), 1, activation="tanh")


def parameter_count() -> int:
    """Weights and biases of `network`."""
    return sum(weight.numel() for weight in network().parameters())


def noisy_samples(networks: int, samples: int) -> tuple[Tensor, Tensor]:
    """x (network, sample, 4) and y (network, sample, 1): a wave and a product, and noise that nobody can know."""
    x = torch.randn(networks, samples, INPUTS)
    y = torch.sin(1.5 * x[..., :1]) + 0.5 * x[..., 1:2] * x[..., 2:3] + 0.5 * x[..., 3:]
    return x, y + NOISE * torch.randn_like(y)


def errors_at(ratio: float, steps: int) -> tuple[list[float], list[float]]:
    """Mean square error on the samples that were learnt, and on new ones, from several starts with samples of their own."""
    parameters, answers = side_by_side([network() for _ in range(STARTS)])
    x, y = noisy_samples(STARTS, round(ratio * parameter_count()))
    new_x, new_y = noisy_samples(STARTS, 4000)
    fit(parameters.values(), lambda _: (answers(x) - y).square().mean((1, 2)).sum(), f"ratio {ratio}", steps=steps, learning_rate=1e-2)
    with torch.no_grad():
        known, new = (answers(x) - y).square().mean((1, 2)), (answers(new_x) - new_y).square().mean((1, 2))
    return known.tolist(), new.tolist()


def draw(figures: Mapping[str, Any]) -> Picture:
    """Both errors over the ratio."""
    with style():
        figure, (one,) = axes(height=4.2)
        one.axvspan(2, 3, color="#dddddd", label="rule of thumb: 2 to 3")
        for number, (key, label) in enumerate((("known", "on the samples learnt"), ("new", "on new samples"))):
            runs = figures[f"mean_square_error_{key}"]
            for ratio in RATIOS:
                one.plot([ratio] * STARTS, runs[str(ratio)], MARKERS[number], color=COLOURS[number], alpha=0.4, markersize=4)
            one.plot(RATIOS, [median(runs[str(ratio)]) for ratio in RATIOS], MARKERS[number] + "-", color=COLOURS[number], label=label)
        one.axhline(NOISE**2, color="black", linestyle="--", linewidth=1.0, label="the noise alone")
        one.set(xscale="log", yscale="log", ylim=(1e-3, 3), xlabel="samples for each parameter", ylabel="mean square error")
        one.set_xticks(RATIOS, [str(ratio) for ratio in RATIOS])
        one.minorticks_off()
        one.legend(loc="lower right")
    return Picture(
        "error-by-samples-per-parameter",
        figure,
        "With few samples for each parameter the network learns them by heart and fails on new ones; at two to three the worst is over.",
        "Mean square error against samples for each parameter, both scales logarithmic, a mark for each seed, a line through medians. "
        "The error on known samples rises from next to nothing (below the scale for less than one) up to the noise, that on new samples "
        "falls from far above the noise down to "
        "it, and the two lines come together. A grey band marks ratios of two to three.",
    )


def run(full: bool) -> Outcome:
    """All ratios, each from several starts."""
    figures: dict[str, Any] = {
        "parameters": parameter_count(),
        "noise_variance": NOISE**2,
        "mean_square_error_known": {},
        "mean_square_error_new": {},
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for ratio in RATIOS:
            known, new = errors_at(ratio, 8000 if full else 1500)
            figures["mean_square_error_known"][str(ratio)], figures["mean_square_error_new"][str(ratio)] = known, new
    gap = {
        ratio: median(figures["mean_square_error_new"][str(ratio)]) - median(figures["mean_square_error_known"][str(ratio)])
        for ratio in RATIOS
    }
    figures["gap_by_ratio"] = {str(ratio): value for ratio, value in gap.items()}
    learnt_by_heart = median(figures["mean_square_error_known"]["0.25"]) / NOISE**2
    checks = (
        Check("a quarter of a sample for each parameter: error on known samples over the noise", learnt_by_heart, at_most=0.1),
        Check("gap at 3 samples for each parameter over that at a half", gap[3] / gap[0.5], at_most=0.33),
        Check("gap at 3 samples for each parameter over the noise: it is not closed yet", gap[3] / NOISE**2, at_least=0.5),
        Check("gap at 16 samples for each parameter over the noise", gap[16] / NOISE**2, at_most=0.5),
    )
    return Outcome(figures, checks, (draw(figures),))


EXPERIMENT = Experiment(
    title="Samples against parameters",
    claim="As a rule of thumb a network needs two to three training samples for each of its parameters.",
    place="the advice on training samples and on pre-training with shallower networks",
    equations=(
        r"r = \frac{\text{samples}}{\text{parameters}}",
        r"\text{gap} = \operatorname{mse}_{\text{new}} - \operatorname{mse}_{\text{known}}",
    ),
    idea="A network with 73 parameters learns from a quarter of a sample for each parameter, from a half, and so on up to sixteen, until "
    "its error on these samples hardly falls any more. Then it is asked about samples of the same kind that it has not seen. The gap "
    "(second line) between the two mean square errors (mse) is what it has learnt by heart.\n\n"
    "The targets are a smooth function and some noise, which nobody can foretell. So no honest error on new samples is below the variance "
    "of the noise, and an error on known samples that is lower means that noise has been learnt. Each ratio is tried from five starts with "
    "samples of their own; nothing holds the network back, neither a penalty on weights nor an early stop.",
    shown=(noisy_samples, errors_at, side_by_side, MLP),
    run=run,
    lesson="With fewer samples than parameters the network fits them to the last digit, noise and all, and is worth little on new ones. "
    "Between one and three samples for each parameter the gap falls fastest: the rule of thumb marks where the worst is over.\n\n"
    "It does not mark where all is well. At three the gap is still as large as the noise itself; at sixteen it is a small part of it. And "
    "the "
    "rule counts parameters, not difficulty: with less noise, with an early stop or a penalty on large weights, fewer samples do; "
    "neighbouring pixels of a radar image are far from being samples of their own, so that of them more are needed.",
    next=(
        "Set NOISE to 0: does the gap at a ratio of one get smaller?",
        "Stop each run after 200 steps instead: which side of the picture changes?",
        "Give the network 48 units: does the gap depend on the ratio or on the number of samples?",
    ),
    longer="five times as many training steps.",
)
