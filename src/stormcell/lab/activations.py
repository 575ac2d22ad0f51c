"""Gradients on their way back through fifty layers: which activations let them through, and what batch normalisation changes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.networks.feedforward import MLP

__all__ = ["EXPERIMENT"]

LAYERS, WIDTH, SAMPLES = 50, 64, 256
GAINS = {"sigmoid": 1.0, "tanh": 5 / 3, "hard_tanh": 5 / 3, "relu": math.sqrt(2), "leaky_relu": math.sqrt(2)}  # as is customary
SCALES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)


def gradient_by_layer(activation: str, gain: float, *, batch_norm: bool, seed: int, layers: int = LAYERS) -> list[float]:
    """|dL / dy_l| for l = 1 .. `layers`, y_l what hidden layer l says: of a network as it begins, on random samples.

    L is a random mixture of the answers, so that the gradient that enters from above does not depend on the weights.
    Weights begin normal with standard deviation gain / sqrt(width), in double precision, so that small gradients stay numbers.
    """
    torch.manual_seed(seed)
    network = MLP(WIDTH, [WIDTH] * layers, 1, activation=activation, batch_norm=batch_norm).double()
    spoken: list[Tensor] = []
    for layer in network.layers:
        assert isinstance(layer, nn.Linear)
        nn.init.normal_(layer.weight, std=gain / math.sqrt(WIDTH))
        nn.init.zeros_(layer.bias)
        layer.register_forward_pre_hook(lambda _, heard: spoken.append(heard[0]))
    answers = network(torch.randn(SAMPLES, WIDTH, dtype=torch.float64))
    loss = (answers * torch.randn_like(answers)).mean()
    return [float(gradient.norm()) for gradient in torch.autograd.grad(loss, spoken[1:])]


def mean_of(runs: Sequence[Sequence[float]]) -> list[float]:
    """Geometric mean over the runs, place by place."""
    logs = torch.tensor(runs, dtype=torch.float64).log()
    return [float(one) for one in logs.mean(0).exp()]


def draw(figures: Mapping[str, Any]) -> tuple[Picture, Picture]:
    """The gradient over depth, and what is left of it over the size of the first weights."""
    with style():
        depth, both = axes(2, height=4.3, sharey=True)
        scale, pair = axes(2, height=4.3, sharey=True)
        for one, other, kind in zip(both, pair, ("without", "with"), strict=True):
            for number, name in enumerate(GAINS):
                look = {"color": COLOURS[number], "marker": MARKERS[number], "label": name.replace("_", " ").replace("relu", "ReLU")}
                one.semilogy(range(1, LAYERS + 1), figures[f"gradient_by_layer_{kind}_batch_norm"][name], markevery=7, **look)
                other.loglog(SCALES, figures[f"first_over_last_by_gain_{kind}_batch_norm"][name], **look)
            one.set(xlabel="layer (1 is next to the input)", title=f"{kind} batch normalisation")
            other.set(xlabel="gain of the first weights", title=f"{kind} batch normalisation")
            other.set_xticks(SCALES, [str(value) for value in SCALES])
            other.minorticks_off()
            other.axhline(1.0, color="black", linewidth=1.0, linestyle="--")
        both[0].set_ylabel("norm of the gradient at the layer")
        pair[0].set_ylabel(f"gradient at layer 1 over that at layer {LAYERS}")
        for figure, one in ((depth, both[0]), (scale, pair[0])):
            figure.legend(*one.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return (
        Picture(
            "gradient-through-layers",
            depth,
            "Through fifty sigmoid layers nothing comes back; ReLU and batch normalisation let the gradient pass.",
            "Two panels with the norm of the gradient on a logarithmic scale against the layer, a line for each activation. Without batch "
            "normalisation the line of the sigmoid falls by tens of powers of ten from the last layer to the first, those of ReLU and "
            "leaky ReLU lie on each other and are nearly level, those of tanh and hard tanh rise a little. With it none falls; all rise "
            "towards the input.",
        ),
        Picture(
            "gradient-by-gain",
            scale,
            "Without normalisation the size of the first weights decides whether gradients vanish or explode; with it, it does not matter.",
            "Two panels with the gradient at the first layer over that at the last, against the gain of the weights, both scales "
            "logarithmic. Left, all lines climb steeply: those of ReLU cross one where the gain is the square root of two, that of the "
            "sigmoid stays far below one. Right, all lines are level.",
        ),
    )


def run(full: bool) -> Outcome:
    """Every activation, with and without batch normalisation, over depth and over the size of the weights."""
    seeds = range(20 if full else 4)
    figures: dict[str, Any] = {"layers": LAYERS, "width": WIDTH, "gains": list(SCALES), "customary_gain": GAINS}
    with torch.random.fork_rng():
        for kind, batch_norm in (("without", False), ("with", True)):

            def mean(name: str, gain: float, batch_norm: bool = batch_norm) -> list[float]:
                return mean_of([gradient_by_layer(name, gain, batch_norm=batch_norm, seed=seed) for seed in seeds])

            figures[f"gradient_by_layer_{kind}_batch_norm"] = {name: mean(name, gain) for name, gain in GAINS.items()}
            ends = {name: [mean(name, gain) for gain in SCALES] for name in GAINS}
            figures[f"first_over_last_by_gain_{kind}_batch_norm"] = {
                name: [norms[0] / norms[-1] for norms in by_gain] for name, by_gain in ends.items()
            }

    def passed(name: str, kind: str) -> float:
        norms = figures[f"gradient_by_layer_{kind}_batch_norm"][name]
        return float(norms[0] / norms[-1])

    by_gain = figures["first_over_last_by_gain_without_batch_norm"]
    level = figures["first_over_last_by_gain_with_batch_norm"]
    checks = (
        Check("sigmoid: gradient at the first layer over that at the last", passed("sigmoid", "without"), at_most=1e-20),
        Check("the same for ReLU", passed("relu", "without"), at_least=0.03, at_most=30.0),
        Check("the same for leaky ReLU", passed("leaky_relu", "without"), at_least=0.03, at_most=30.0),
        Check("the same for tanh, over that of the sigmoid", passed("tanh", "without") / passed("sigmoid", "without"), at_least=1e15),
        Check("the same for ReLU with half the customary gain: it vanishes", by_gain["relu"][1], at_most=1e-10),
        Check("the same for ReLU with twice the customary gain: it explodes", by_gain["relu"][5], at_least=1e10),
        Check("batch normalisation: the least of all activations", min(passed(name, "with") for name in GAINS), at_least=0.3),
        Check("batch normalisation: the largest of all activations", max(passed(name, "with") for name in GAINS), at_most=1e7),
        Check(
            "batch normalisation: largest over least over all gains of ReLU, which vary 8-fold",
            max(level["relu"]) / min(level["relu"]),
            at_most=1.5,
        ),
    )
    return Outcome(figures, checks, draw(figures))


EXPERIMENT = Experiment(
    title="Gradients through fifty layers",
    claim="In deep networks gradients vanish or explode on their way back; the activation decides how quickly, and ReLU, leaky ReLU and "
    "batch normalisation are remedies.",
    place="on vanishing and exploding gradients and their remedies, after equations 2 to 4",
    equations=(
        r"y_l = f(v_l), \quad v_l = W_l y_{l-1} + b_l",
        r"\frac{\partial L}{\partial y_l} = W_{l+1}^\top \left( f'(v_{l+1}) \odot \frac{\partial L}{\partial y_{l+1}} \right)",
        r"\mathrm{BN}(v) = \gamma \, \frac{v - \operatorname{mean} v}{\sqrt{\operatorname{var} v + \epsilon}} + \beta",
    ),
    idea="On its way back the gradient is multiplied, at each layer, by the slope f' of the activation and by the weights (second line). "
    "Fifty such factors below one leave nothing, fifty above one leave more than a computer can hold. The slope of a sigmoid is at most "
    "a quarter. That of tanh is at most 1 and small where tanh is flat. That of ReLU is 1 or 0.\n\n"
    "A network of fifty layers sees random samples once. The norm of the gradient is taken at the output of each layer, for each "
    "activation, from several random starts (lines are geometric means). So that the comparison is fair, weights begin at the size that "
    "is customary for each activation: a standard deviation of gain / sqrt(width), with the gain 1 for the sigmoid, 5/3 for tanh and hard "
    "tanh, the square root of 2 for ReLU, whose other half is cut off. Then the gain is varied for all.\n\n"
    "Batch normalisation (third line) brings what goes into each activation to mean 0 and variance 1 over the batch, whatever the weights; "
    "gamma and beta are learnt, and begin at 1 and 0.",
    shown=(gradient_by_layer, MLP.forward),
    run=run,
    lesson="Through sigmoids the gradient falls at every layer, and the first layers of such a network learn nothing. ReLU and leaky ReLU "
    "let it through, but only with weights of the right size: halve or double them and it vanishes or explodes by more than ten powers "
    "of ten. So the activation is half of the matter, the size of the weights the other half.\n\n"
    "Batch normalisation takes the second half away: a factor in the weights is divided out again, and the lines against the gain are "
    "level. It mends even the sigmoid. It is no perfect cure: at the start, gradients now grow a little at every layer towards the input, "
    "most for ReLU, which over fifty layers adds up to some powers of ten. That is why very deep networks have short cuts past their "
    "layers as well.",
    next=(
        "Give tanh a gain of 1 and look where its line goes; then find the gain at which it is level.",
        "Change LAYERS to 10: which activations are then good enough without normalisation?",
        "Set WIDTH to 16 and see how much further the lines of different starts lie apart.",
    ),
    longer="twenty starts instead of four.",
)
