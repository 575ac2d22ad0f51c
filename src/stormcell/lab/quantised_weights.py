"""Weights of one or two bits: an LSTM of them does not learn unless its products are normalised."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from stormcell.cells.fused import unroll_fused
from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import BatchNormalise, LayerNormalise, Normalise, WeightNormalise
from stormcell.cells.quantization import binary_connect, quantize, ter_connect
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.gradient_norm import GradientNorm
from stormcell.lab.weather_words import LETTERS, letter_entropy, weather_words

__all__ = ["EXPERIMENT"]

WEIGHTS: dict[str, str | None] = {"full precision": None, "binary": "binary-connect", "ternary": "ter-connect"}
BITS = {"full precision": 32, "binary": 1, "ternary": 2}
NORMALISATIONS: dict[str, Normalise | None] = {"none": None, "weight": WeightNormalise, "layer": LayerNormalise, "batch": BatchNormalise}
UNITS, PIECE, BATCH = 128, 30, 32


class Learnt(NamedTuple):
    """What learning a text showed.

    Attributes:
        losses: of each update [bits a letter].
        bits: a letter of a text that it has not seen.
        gradient: median of its norm over the updates.
        by_steps_back: norm of the gradient of the last letter's loss to the input so many steps before, ahead of the first update.
        spectral_norm: the largest of the gates' recurrent weights, ahead of the first update.
    """

    losses: list[float]
    bits: float
    gradient: float
    by_steps_back: list[float]
    spectral_norm: float


def learn(scheme: str | None, normalise: Normalise | None, what: str, *, units: int, updates: int, seed: int) -> Learnt:
    """Train an LSTM to foresee the next letter, with weights of a few levels (of this scheme) or of full precision."""
    torch.manual_seed(seed)
    train, test = weather_words(20_000, seed=0), weather_words(4_000, seed=1)
    cell, head = LSTM(len(LETTERS), units, normalise=normalise), nn.Linear(units, len(LETTERS))
    if scheme:
        quantize(cell, scheme)
    by_steps_back = gradient_by_steps_back(cell, head, pieces_of(train))
    spectral_norm = max(float(torch.linalg.matrix_norm(gate, 2)) for gate in cell.gates.state_weight.detach().chunk(4))
    learnt = [*cell.parameters(), *head.parameters()]
    gradient = GradientNorm(learnt, lambda step: bits_a_letter(cell, head, pieces_of(train)))
    losses = fit(learnt, gradient, what, steps=updates, learning_rate=2e-3, clip=5.0)
    cell.eval()
    whole = len(test) // (PIECE + 1) * (PIECE + 1)
    with torch.no_grad():
        bits = float(bits_a_letter(cell, head, test[:whole].reshape(-1, PIECE + 1)))
    return Learnt(losses, bits, sorted(gradient.norms())[updates // 2], by_steps_back, spectral_norm)


def pieces_of(text: Tensor) -> Tensor:
    """A batch of pieces from anywhere in the text, (batch, piece + 1)."""
    return torch.stack([text[start : start + PIECE + 1] for start in torch.randint(len(text) - PIECE, (BATCH,)).tolist()])


def bits_a_letter(cell: LSTM, head: nn.Linear, pieces: Tensor) -> Tensor:
    """Cross-entropy of the next letter, whose levels of weights are made once for the whole piece."""
    inputs = functional.one_hot(pieces[:, :-1], len(LETTERS)).float()
    with parametrize.cached():
        outputs, _ = unroll_fused(cell, inputs)
    return functional.cross_entropy(head(outputs).flatten(0, 1), pieces[:, 1:].flatten()) / math.log(2)


def gradient_by_steps_back(cell: LSTM, head: nn.Linear, pieces: Tensor) -> list[float]:
    """Norm of the gradient of the last letter's loss to the input 0, 1, 2, ... steps before."""
    inputs = functional.one_hot(pieces[:, :-1], len(LETTERS)).float().requires_grad_()
    outputs, _ = unroll_fused(cell, inputs)
    (gradient,) = torch.autograd.grad(functional.cross_entropy(head(outputs[:, -1]), pieces[:, -1]) / math.log(2), inputs)
    return [float(step.norm()) for step in gradient.transpose(0, 1).flip(0)]


def draw(figures: Mapping[str, Any]) -> tuple[Picture, Picture]:
    """What was learnt, and how gradients grow on the way back."""
    runs = figures["runs"]
    with style():
        learning, (left, right) = axes(2, sharey=True)
        for number, name in enumerate(NORMALISATIONS):
            curve = runs["binary"][name]["loss_of_each_update_in_bits_a_letter"]
            smooth = [sum(curve[first : first + 10]) / 10 for first in range(0, len(curve) - 9, 10)]
            updates = [10 * step + 5 for step in range(len(smooth))]
            left.plot(updates, smooth, marker=MARKERS[number], markevery=4, color=COLOURS[number], label=name)
        left.set(
            xlabel="update", ylabel="bits a letter", title="learning with binary weights", ylim=(0, 1.6 * figures["bits_of_frequencies"])
        )
        left.legend(title="normalisation", ncols=2, loc="upper right")
        for number, name in enumerate(NORMALISATIONS):
            places = [kind + 0.2 * (number - 1.5) for kind in range(len(WEIGHTS))]
            bits = [runs[kind][name]["bits_a_letter"] for kind in WEIGHTS]
            right.bar(places, bits, 0.18, color=COLOURS[number], hatch=("", "//", "..", "xx")[number], edgecolor="white", label=name)
        right.axhline(figures["bits_of_frequencies"], color="#555555", linestyle="--", linewidth=1.2)
        right.text(-0.4, figures["bits_of_frequencies"] + 0.08, "without any memory", color="#555555")
        right.set(title="after learning, another text")
        right.set_xticks(range(len(WEIGHTS)), list(WEIGHTS))
        right.set_axisbelow(True)

        gradients, (one,) = axes()
        lines = (
            ("binary", "none"),
            ("ternary", "none"),
            ("full precision", "none"),
            ("binary", "weight"),
            ("binary", "layer"),
            ("binary", "batch"),
        )
        for number, (kind, name) in enumerate(lines):
            back = runs[kind][name]["gradient_by_steps_back"]
            label = f"{kind}, not normalised" if name == "none" else f"{kind}, {name} normalisation"
            one.semilogy(back, marker=MARKERS[number], markevery=5, color=COLOURS[number], label=label, zorder=3 + (name == "weight"))
        one.set(xlabel="steps back from the loss", ylabel="norm of the gradient")
        one.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return (
        Picture(
            "learning",
            learning,
            "Binary and ternary weights do not learn well by themselves; normalised, they learn nearly as much as full precision.",
            "Left, bits a letter while a network of binary weights learns: without normalisation it stays high, with weight, "
            "layer or batch normalisation it falls below 1. Right, bars of the bits a letter of another text for weights of full "
            "precision, binary and ternary, each with the four choices; a dashed line marks what needs no memory.",
        ),
        Picture(
            "gradients",
            gradients,
            "Before the first update the gradient through unnormalised binary weights grows a millionfold over thirty steps.",
            "The norm of the gradient to the input, on a logarithmic scale, against the steps back from the loss: rising steeply for "
            "binary and ternary weights without normalisation, falling for full precision and for weight normalisation, level for layer "
            "and batch normalisation.",
        ),
    )


def checks_of(learnt: Mapping[str, Mapping[str, Learnt]], frequencies: float, full: bool) -> tuple[Check, ...]:
    """What has to hold of the bits a letter, and of the gradients."""
    few = ("binary", "ternary")
    plain = learnt["full precision"]["none"]
    bare = [learnt[kind]["none"] for kind in few]
    normalised = [learnt[kind][name] for kind in few for name in ("weight", "layer", "batch")]
    return (
        Check("bits a letter at full precision, over those without memory", plain.bits / frequencies, at_most=0.35),
        Check("bits of unnormalised binary weights, over those without memory", bare[0].bits / frequencies, at_least=0.75),
        Check("bits of unnormalised ternary weights above full precision", bare[1].bits - plain.bits, at_least=0.3 if full else 1.5),
        Check(
            "most bits of normalised binary and ternary weights above full precision",
            max(one.bits for one in normalised) - plain.bits,
            at_most=0.4,
        ),
        Check(
            "least median gradient of unnormalised weights of few levels, over full precision",
            min(one.gradient for one in bare) / plain.gradient,
            at_least=10.0,
        ),
        Check(
            "largest median gradient of normalised weights of few levels, over full precision",
            max(one.gradient for one in normalised) / plain.gradient,
            at_most=3.0,
        ),
        Check(
            "growth of the gradient of binary weights over 29 steps back",
            bare[0].by_steps_back[-1] / bare[0].by_steps_back[0],
            at_least=100.0,
        ),
        Check("largest growth after normalisation", max(one.by_steps_back[-1] / one.by_steps_back[0] for one in normalised), at_most=20.0),
        Check(
            "spectral norm of binary weights over the root of the number of units", bare[0].spectral_norm / math.sqrt(UNITS), at_least=1.0
        ),
    )


def run(full: bool) -> Outcome:
    """Every kind of weights with every normalisation on the same text."""
    updates = 1000 if full else 250
    frequencies = letter_entropy(weather_words(20_000, seed=0))
    with torch.random.fork_rng():
        learnt = {
            kind: {
                name: learn(scheme, normalise, f"{kind}, normalisation: {name}", units=UNITS, updates=updates, seed=0)
                for name, normalise in NORMALISATIONS.items()
            }
            for kind, scheme in WEIGHTS.items()
        }
    weights = 4 * UNITS * (len(LETTERS) + UNITS)
    figures = {
        "bits_of_frequencies": frequencies,
        "kilobytes_of_weights": {kind: weights * bits / 8 / 1024 for kind, bits in BITS.items()},
        "runs": {
            kind: {
                name: {
                    "bits_a_letter": one.bits,
                    "median_norm_of_the_gradient": one.gradient,
                    "gradient_by_steps_back": one.by_steps_back,
                    "spectral_norm_of_recurrent_weights": one.spectral_norm,
                    "loss_of_each_update_in_bits_a_letter": one.losses,
                }
                for name, one in each.items()
            }
            for kind, each in learnt.items()
        },
    }
    return Outcome(figures, checks_of(learnt, frequencies, full), draw(figures))


EXPERIMENT = Experiment(
    title="Weights of one bit, and what they need",
    claim="The weights of an LSTM can be cut down to one or two bits each, which saves most of its memory, but such a network does not "
    "train, since its gradients explode; with weight, layer or batch normalisation it does, and is about as good as at full precision.",
    place="where it reviews quantised LSTMs with normalisation (Hou et al. 2019)",
    equations=(
        r"\hat{W} = \mathrm{sign}(W) \quad \text{or} \quad \hat{W}_{jk} = \mathrm{sign}(W_{jk}) \, [\, |W_{jk}| > t \,]",
        r"[i, f, g, o] = N(\hat{W}_x x_t) + N(\hat{W}_h h_{t-1}) + b",
        r"\hat{W}_h \in \{-1, 1\}^{d \times d} \; \Rightarrow \; \| \hat{W}_h \|_2 \geq \sqrt{d}",
    ),
    idea="Networks of 128 LSTM units read a text of weather words letter by letter and foresee the next letter. The forward pass sees "
    "binary weights, -1 or 1, or ternary ones, in which those smaller than a threshold t are 0; behind them are weights of full precision, "
    "which the gradient moves as if there had been no rounding. The result is measured on another text, in bits a letter: how many "
    "yes-or-no questions are left about the next letter. Somebody who knows only how frequent each letter is needs about 4.\n\n"
    "Why should it fail? A matrix of -1 and 1 with d rows stretches some direction by the root of d or more (its spectral norm), however "
    "small the weights behind it are. Each step back in time multiplies the gradient by such matrices. The norm of the gradient is "
    "followed from the loss back to the inputs, before the first update, when all networks still know the same.\n\n"
    "A normaliser N divides each product by its own size: weight normalisation by the length of the matrix's rows, layer normalisation by "
    "the spread over the units, batch normalisation by the spread over the batch. What the scale of the weights was then no longer "
    "matters. Gradients are cut to a norm of 5 in all runs alike.",
    shown=(learn, gradient_by_steps_back, binary_connect, ter_connect, WeightNormalise.forward, LayerNormalise.forward),
    run=run,
    lesson="The claim holds, most clearly for binary weights. Without normalisation the gradient grows by several powers of ten over "
    "thirty steps, and neither binary nor ternary weights learn much more than the frequencies of letters. (Ternary weights, many of "
    "which are 0, explode less. In the long version they do begin to learn, late and badly.) Cutting the gradient does not help: what "
    "is left of it after the cut points nowhere. With any of the three normalisations the same weights learn the text. Layer and batch "
    "normalisation reach full precision; weight normalisation is a little slower, on full precision too.\n\n"
    "The weights themselves then need a thirty-second or a sixteenth of the memory. To train, the full-precision copies must be kept all "
    "the same: what is saved is saved in use. And a small network hides the trouble: with fewer units the spectral norm is smaller, and "
    "ternary weights begin to learn by themselves.",
    next=(
        "Use 32 units instead of 128, and find out which unnormalised weights learn after all.",
        "Scale the levels by the mean size of the weights (`bwn`, `twn`), and see whether normalisation is still needed.",
        "Quantise a ConvLSTM with `normalise_convolutions`, and let it forecast digits that move.",
    ),
    longer="1000 updates instead of 250, to see whether patience helps without normalisation.",
)
