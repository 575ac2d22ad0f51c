"""Gradients on their way back through time: what becomes of them in a plain recurrent network, and what holds them."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from stormcell.cells.cell import unroll
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import LayerNormalise
from stormcell.cells.rnn import RNN
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.progress import track

__all__ = ["EXPERIMENT"]

UNITS, LAGS, BATCH = 64, 100, 16
RADII = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)


def gradient_by_lag(cell: RNN | LSTM | GRU, loudness: float, lags: int = LAGS) -> list[float]:
    """|dL / dx_(T - lag)| for lag 0 .. lags, as a share of the one at lag 0: how much the last output still depends on old inputs.

    L is a random mixture of the last output's units; inputs are normal with standard deviation `loudness`. Without inputs (0) the
    state stays 0, and there tanh is the identity.
    """
    inputs = (loudness * torch.randn(BATCH, lags + 1, 4, dtype=torch.float64)).requires_grad_()
    outputs, _ = unroll(cell.double(), inputs)
    last = outputs[:, -1]
    (gradient,) = torch.autograd.grad((last * torch.randn_like(last)).sum(), inputs)
    norms = gradient.transpose(0, 1).flatten(1).norm(dim=1).flip(0)
    return [float(norm / norms[0]) for norm in norms]


@torch.no_grad()
def with_radius(cell: RNN, radius: float, *, orthogonal: bool = False) -> RNN:
    """The cell with random weights W_h whose largest eigenvalue is `radius`; of an orthogonal matrix all are as large."""
    weight = cell.gates.state_weight
    if orthogonal:
        nn.init.orthogonal_(weight, gain=radius)
    else:
        nn.init.normal_(weight)
        weight.mul_(radius / torch.linalg.eigvals(weight.double()).abs().max())
    return cell


@torch.no_grad()
def with_open_gate(cell: LSTM | GRU, bias: float) -> LSTM | GRU:
    """The cell with this bias in the gate that keeps: f of an LSTM, z of a GRU, the second block of either."""
    cell.gates.bias[UNITS : 2 * UNITS] = bias
    return cell


def descend(clip: float, *, updates: int = 80, length: int = 20) -> tuple[list[float], list[float]]:
    """Plain gradient descent of a network whose gradient can explode: say at the end the first value of a sequence.

    Args:
        clip: norm to which gradients are cut.

    Returns:
        loss at each update, and norm of the gradient before it is cut.
    """
    cell, read = with_radius(RNN(1, 32), 1.2, orthogonal=True), nn.Linear(32, 1)
    weights = [*cell.parameters(), *read.parameters()]
    optimizer = torch.optim.SGD(weights, lr=0.3)
    losses, norms = [], []
    for _ in track(range(updates), f"clipped to {clip}"):
        inputs = torch.rand(32, length, 1)
        loss = (read(unroll(cell, inputs)[0][:, -1]) - inputs[:, 0]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(weights, clip)))
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        optimizer.step()
    return losses, norms


Build = Callable[[], RNN | LSTM | GRU]

AT_REST: dict[str, Build] = {
    "radius 0.8": lambda: with_radius(RNN(4, UNITS), 0.8),
    "radius 1": lambda: with_radius(RNN(4, UNITS), 1.0),
    "radius 1.3": lambda: with_radius(RNN(4, UNITS), 1.3),
    "radius 1, orthogonal": lambda: with_radius(RNN(4, UNITS), 1.0, orthogonal=True),
}
WITH_INPUTS: dict[str, Build] = {
    "RNN, radius 1": lambda: with_radius(RNN(4, UNITS), 1.0),
    "RNN, orthogonal": lambda: with_radius(RNN(4, UNITS), 1.0, orthogonal=True),
    "LSTM, forget bias 0": lambda: with_open_gate(LSTM(4, UNITS), 0.0),
    "LSTM, forget bias 5": lambda: with_open_gate(LSTM(4, UNITS), 5.0),
    "GRU, update bias 0": lambda: with_open_gate(GRU(4, UNITS), 0.0),
    "GRU, update bias 5": lambda: with_open_gate(GRU(4, UNITS), 5.0),
}
BY_RADIUS: dict[str, Callable[[float], RNN]] = {
    "plain": lambda radius: with_radius(RNN(4, UNITS), radius),
    "orthogonal": lambda radius: with_radius(RNN(4, UNITS), radius, orthogonal=True),
    "layer normalisation": lambda radius: with_radius(RNN(4, UNITS, normalise=LayerNormalise), radius),
}


def mean_of(build: Build, loudness: float, starts: int) -> list[float]:
    """Geometric mean over several starts of the gradient by lag."""
    runs = torch.tensor([gradient_by_lag(build(), loudness) for _ in range(starts)], dtype=torch.float64)
    return [float(one) for one in runs.log().mean(0).exp()]


def draw(figures: Mapping[str, Any]) -> tuple[Picture, Picture]:
    """Gradient over lag; then what normalisation and clipping do."""
    with style():
        over_lag, both = axes(2, height=4.6, sharey=True)
        for one, kind in zip(both, ("at_rest", "with_inputs"), strict=True):
            for number, (name, norms) in enumerate(figures[f"gradient_by_lag_{kind}"].items()):
                one.semilogy(norms, color=COLOURS[number], marker=MARKERS[number], markevery=20, label=name)
            one.set(xlabel="lag [steps]", ylim=(1e-14, 1e14))
            one.legend(loc="upper left", fontsize=9)
        both[0].set(ylabel="gradient, as a share of that at lag 0", title="RNN at rest, where it is linear")
        both[1].set_title("with inputs of ordinary size")
        remedies, pair = axes(2, height=4.0)
        for number, (name, left) in enumerate(figures["left_after_half_of_the_lags_by_radius"].items()):
            pair[0].loglog(RADII, left, color=COLOURS[number], marker=MARKERS[number], label=name)
        pair[0].set_xticks(RADII, [str(radius) for radius in RADII])
        pair[0].minorticks_off()
        pair[0].set(xlabel="spectral radius at the start", ylabel=f"gradient at lag {LAGS // 2}, as a share", title="layer normalisation")
        for number, (name, losses) in enumerate(figures["loss_by_update"].items()):
            pair[1].semilogy(losses, color=COLOURS[number], marker=MARKERS[number], markevery=8, label=name)
        pair[1].set(xlabel="update", ylabel="mean square error", title="clipping", ylim=(1e-3, 1e5))
        for one in pair:
            one.legend(loc="best", fontsize=9)
    return (
        Picture(
            "gradient-by-lag",
            over_lag,
            "A plain recurrent network loses its gradient with the lag or is flooded by it; gates that are open keep it.",
            "Two panels with the gradient against the lag, on a logarithmic scale. Left, a plain network without inputs: the line falls "
            "for radius 0.8, rises for 1.3, sinks a little for 1 and is level for an orthogonal matrix. Right, with inputs: both plain "
            "networks fall, LSTM and GRU with gates half open fall faster still, and with gates almost open the GRU stays level and the "
            "LSTM rises a little.",
        ),
        Picture(
            "remedies",
            remedies,
            "Layer normalisation makes the size of the weights matter less; clipping keeps an exploding gradient from undoing everything.",
            "Left: gradient at half of the largest lag against the spectral radius, both scales logarithmic; it climbs steeply for plain "
            "and orthogonal weights and is level with layer normalisation. Right: mean square error against the "
            "update on a logarithmic scale; "
            "with clipping it falls, without it leaves the picture upwards and the run ends.",
        ),
    )


def run(full: bool) -> Outcome:
    """Gradients over lag for all cells, over the radius, and descent with and without clipping."""
    starts = 10 if full else 3
    with torch.random.fork_rng():
        torch.manual_seed(1)
        at_rest = {name: mean_of(build, 0.0, starts) for name, build in AT_REST.items()}
        with_inputs = {name: mean_of(build, 1.0, starts) for name, build in track(WITH_INPUTS.items(), "gradient by lag")}
        left = {
            name: [mean_of(partial(build, radius), 1.0, starts)[LAGS // 2] for radius in RADII]
            for name, build in track(BY_RADIUS.items(), "gradient by radius")
        }
        descents = {}
        for name, clip in (("clipped to norm 1", 1.0), ("not clipped", math.inf)):
            torch.manual_seed(1)
            descents[name] = descend(clip)
    losses = {name: [loss for loss in each if math.isfinite(loss)] for name, (each, _) in descents.items()}
    figures = {
        "gradient_by_lag_at_rest": at_rest,
        "gradient_by_lag_with_inputs": with_inputs,
        "radii": list(RADII),
        "left_after_half_of_the_lags_by_radius": left,
        "loss_by_update": losses,
        "norm_by_update": {name: [norm for norm in norms if math.isfinite(norm)] for name, (_, norms) in descents.items()},
    }

    def spread(name: str) -> float:
        return max(left[name]) / min(left[name])

    clipped, free = losses["clipped to norm 1"], losses["not clipped"]
    checks = (
        Check(f"left after {LAGS} steps at rest, radius 0.8", at_rest["radius 0.8"][-1], at_most=1e-8),
        Check("the same, radius 1.3", at_rest["radius 1.3"][-1], at_least=1e8),
        Check("the same, radius 1, orthogonal: the least of all lags", min(at_rest["radius 1, orthogonal"]), at_least=0.5),
        Check("the same, the largest of all lags", max(at_rest["radius 1, orthogonal"]), at_most=2.0),
        Check("left with inputs, orthogonal: tanh is no longer the identity", with_inputs["RNN, orthogonal"][-1], at_most=0.02),
        Check("left with inputs, LSTM with forget bias 5", with_inputs["LSTM, forget bias 5"][-1], at_least=0.05),
        Check("left with inputs, GRU with update bias 5", with_inputs["GRU, update bias 5"][-1], at_least=0.05),
        Check("left with inputs, LSTM with forget bias 0", with_inputs["LSTM, forget bias 0"][-1], at_most=1e-10),
        Check("left with inputs, GRU with update bias 0", with_inputs["GRU, update bias 0"][-1], at_most=1e-10),
        Check("plain: largest over least over all radii", spread("plain"), at_least=1e8),
        Check("layer normalisation: largest over least over all radii", spread("layer normalisation"), at_most=1e3),
        Check("clipped: error at the end over that at the start", clipped[-1] / clipped[0], at_most=0.5),
        Check("not clipped: largest error over that at the start", max(free) / free[0], at_least=100.0),
    )
    return Outcome(figures, checks, draw(figures))


EXPERIMENT = Experiment(
    title="Gradients through a hundred steps",
    claim="The gradient of a recurrent network vanishes or explodes with the lag, because the same weights act at every step; clipping, "
    "layer normalisation and a careful start help, and the gates of LSTM and GRU hold it.",
    place="on recurrent networks (equations 5 and 6) and the trouble with their gradients, and on LSTM (equations 7 to 9) and GRU",
    equations=(
        r"h_t = \tanh(W_x x_t + W_h h_{t-1} + b)",
        r"\frac{\partial h_T}{\partial h_{T-k}} = \prod_{t=T-k+1}^{T} \operatorname{diag}(1 - h_t^2) \, W_h",
        r"c_t = f_t \odot c_{t-1} + i_t \odot g_t \quad\Rightarrow\quad \frac{\partial c_t}{\partial c_{t-1}} = \operatorname{diag}(f_t) "
        r"+ \ldots",
    ),
    idea="A deep network has other weights in each layer; a recurrent one has the same matrix W_h at every step, so k steps back the "
    "gradient holds its k-th power (second line). The largest eigenvalue of W_h, its spectral radius, decides: below 1 the power goes to "
    "nothing, above 1 it grows without end. The factor 1 - h squared, the slope of tanh, only makes it smaller.\n\n"
    "The first panel takes the tanh out: without inputs the state stays 0, where the slope is 1. The second has inputs of ordinary size, "
    "and puts LSTM and GRU beside it. Their memory goes from step to step through a gate (third line), f of the LSTM or z of the GRU: a "
    "bias of 0 leaves it half open, one of 5 lets 0.993 through. Weights are random, nothing has been learnt.\n\n"
    "Then the remedies. Layer normalisation brings W_h h to mean 0 and variance 1 over the units at each step. Clipping cuts a "
    "gradient to length 1 where it is longer: a network whose weights are large enough for the gradient to explode learns, by plain "
    "gradient descent in long strides, to say the first value of a sequence at its end, with and without it.",
    shown=(gradient_by_lag, with_radius, descend, RNN.step, LSTM.step),
    run=run,
    lesson="At rest the lines are powers, as the equation says: only a radius of 1 neither vanishes nor explodes, and an orthogonal "
    "matrix, all of whose eigenvalues have the size 1, keeps the gradient level. But that is a knife's edge: as soon as inputs drive the "
    "tanh onto its flat sides, the gradient fades for the orthogonal network as well.\n\n"
    "LSTM and GRU hold it, if their gates are open. Half open they forget faster than the plain network, a half at every step. What they "
    "have over it is that an open gate lets the past through whatever the inputs are, and that a bias, which learning can "
    "move, opens it.\n\n"
    "Layer normalisation takes away most of the influence of the size of the weights: the line against the radius is nearly level. "
    "It does not make the gradient last. Clipping keeps the direction of an exploding gradient and cuts "
    "its length, so one bad batch does not throw "
    "the weights away; for a gradient that vanishes it does nothing.",
    next=(
        "Set the forget bias to 1, the common choice, and read off after how many steps a thousandth is left.",
        "Give gradient_by_lag inputs of loudness 0.1: how long does the orthogonal network hold now?",
        "Clip to 0.01 and to 100 in descend, and see which of them learns.",
    ),
    longer="ten starts instead of three.",
)
