"""Deep networks of identities are linear regression, whatever their depth; with a nonlinearity they are not."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.networks.feedforward import MLP
from stormcell.progress import track

__all__ = ["EXPERIMENT"]

DEPTHS = (1, 2, 3, 4, 5)
INPUTS, WIDTH, SAMPLES = 3, 6, 200
STEPS = 20


def samples(seed: int) -> tuple[Tensor, Tensor]:
    """Inputs (sample, 3) and targets (sample, 1): a sine wave of the first input, a product of the others, and noise."""
    torch.manual_seed(seed)
    x = torch.randn(SAMPLES, INPUTS, dtype=torch.float64)
    wave = torch.sin(2 * x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:] + 0.7 * x[:, 1:2]
    return x, wave + 0.1 * torch.randn(SAMPLES, 1, dtype=torch.float64)


def least_squares(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Linear regression, solved at once: the W and b with the least sum of squares."""
    found = torch.linalg.lstsq(torch.cat((x, torch.ones(len(x), 1, dtype=x.dtype)), 1), y).solution.T
    return found[:, :-1], found[:, -1]


def folded(network: MLP) -> tuple[Tensor, Tensor]:
    """The one W and b that a network of identities amounts to: W = W_L ... W_1, b = W_L (... W_2 b_1 + b_2 ...) + b_L."""
    weight, bias = torch.eye(INPUTS, dtype=torch.float64), torch.zeros(INPUTS, dtype=torch.float64)
    for layer in network.layers:
        assert isinstance(layer, nn.Linear)
        weight, bias = layer.weight @ weight, layer.weight @ bias + layer.bias
    return weight.detach(), bias.detach()


def train(network: MLP, x: Tensor, y: Tensor) -> float:
    """Gradient descent with a memory of curvature (L-BFGS), which reaches the last digits; the mean square error at its end."""
    descent = torch.optim.LBFGS(
        network.parameters(), max_iter=15, history_size=20, tolerance_grad=1e-14, tolerance_change=1e-18, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        descent.zero_grad()
        error: Tensor = (network(x) - y).square().mean()
        error.backward()  # type: ignore[no-untyped-call]
        return error.detach()

    for _ in track(range(STEPS), f"{len(network.layers)} layers"):
        descent.step(loss)  # type: ignore[no-untyped-call]
    return float(loss())


def compare(depth: int, seed: int, activation: str) -> dict[str, Any]:
    """A trained network of `depth` layers beside linear regression on the same samples, on inputs that neither has seen."""
    x, y = samples(seed)
    network = MLP(INPUTS, [WIDTH] * (depth - 1), 1, activation=activation).double()
    loss = train(network, x, y)
    weight, bias = least_squares(x, y)
    new = torch.randn(1000, INPUTS, dtype=torch.float64)
    with torch.no_grad():
        said = network(new)
    regression = new @ weight.T + bias
    own_weight, own_bias = folded(network)
    return {
        "difference": float((said - regression).abs().max()),
        "folding": float((said - (new @ own_weight.T + own_bias)).abs().max()),
        "loss": loss,
        "loss_of_regression": float((x @ weight.T + bias - y).square().mean()),
    }


def draw(depths: Sequence[int], figures: Mapping[str, Any]) -> Picture:
    """Difference and error over the depth."""
    with style():
        figure, (difference, error) = axes(2, height=4.0)
        for number, name in enumerate(("identity", "tanh")):
            look: dict[str, Any] = {"color": COLOURS[number], "marker": MARKERS[number], "linestyle": "none", "alpha": 0.8}
            for depth in depths:
                runs = figures[name][str(depth)]
                label = name if depth == depths[0] else None
                difference.semilogy([depth + 0.12 * (number - 0.5)] * len(runs), [one["difference"] for one in runs], label=label, **look)
                ratio = [one["loss"] / one["loss_of_regression"] for one in runs]
                error.plot([depth + 0.12 * (number - 0.5)] * len(runs), ratio, label=label, **look)
        difference.axhline(1e-6, color="black", linestyle="--", linewidth=1.0)
        difference.text(depths[-1], 2e-6, "what counts as equal", ha="right", va="bottom", fontsize=10)
        difference.set(xlabel="layers with weights", ylabel="largest difference to the regression", title="what they predict")
        error.set(xlabel="layers with weights", ylabel="error over the regression's", ylim=(-0.05, 1.1), title="how well they fit")
        for one in (difference, error):
            one.set_xticks(depths)
        figure.legend(*difference.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return Picture(
        "identity-networks-are-regression",
        figure,
        "However deep, a network of identities predicts what linear regression predicts; with tanh the second layer already tells more.",
        "Two panels with a mark for each seed against the number of layers, one to five. Left, the largest difference between the "
        "network's "
        "predictions and those of linear regression, on a logarithmic scale: with identities far below a millionth at every depth, with "
        "tanh "
        "of the size of the predictions themselves from two layers on. Right, the mean square error over that of linear regression: one at "
        "every depth with identities, far below one with tanh from two layers on.",
    )


def run(full: bool) -> Outcome:
    """Depths one to five, identity and tanh, from several seeds."""
    figures: dict[str, Any] = {"identity": {}, "tanh": {}}
    with torch.random.fork_rng():
        for activation in figures:
            for depth in DEPTHS:
                figures[activation][str(depth)] = [compare(depth, seed, activation) for seed in range(3)]
    straight = [one for runs in figures["identity"].values() for one in runs]
    bent = [one for depth, runs in figures["tanh"].items() if depth != "1" for one in runs]
    checks = (
        Check(
            "identities, all depths: largest difference to linear regression",
            max(one["difference"] for one in straight),
            at_most=1e-6,
        ),
        Check(
            "identities, all depths: largest difference to the product of their matrices",
            max(one["folding"] for one in straight),
            at_most=1e-12,
        ),
        Check("tanh, two layers or more: least of the largest differences", min(one["difference"] for one in bent), at_least=0.1),
        Check(
            "the same: largest error over that of linear regression",
            max(one["loss"] / one["loss_of_regression"] for one in bent),
            at_most=0.5,
        ),
    )
    return Outcome(figures, checks, (draw(DEPTHS, figures),))


EXPERIMENT = Experiment(
    title="A deep network of identities is linear regression",
    claim="With the identity for activation a perceptron is linear regression, and so is a network of many such layers: only a "
    "nonlinearity between the layers makes depth worth anything.",
    place="equation 1 with the identity, and the remark on multi-layer networks after equations 2 to 4",
    equations=(
        r"y = W x + b",
        r"W_L (\ldots W_2 (W_1 x + b_1) + b_2 \ldots) + b_L = (W_L \cdots W_2 W_1) \, x + b'",
    ),
    idea="Linear regression (first line) finds the W and b with the least sum of squares, by solving a system of equations. A network of "
    "identities multiplies one matrix after the other (second line): the product is one matrix again, and all the biases add up to one b'. "
    "So it cannot say more than regression says. Does it, trained by gradients from random weights, also end at the same place?\n\n"
    "Networks of one to five layers learn, in double precision and to the last digits, samples of a function that is not linear: a wave, a "
    "product, and noise. Beside them learn networks of the same shape with tanh between the layers. All are then asked about a thousand "
    "inputs which they have not seen, and compared with the regression.",
    shown=(folded, train, compare, MLP),
    run=run,
    lesson="At every depth the network of identities predicts what linear regression predicts, and it is the product of its matrices. Its "
    "more numerous weights are many ways to write the same answer, and the deeper one only takes longer to find it. With a single layer "
    "nothing stands between input and output, so the tanh network is regression too.\n\n"
    "From two layers on the tanh network bends: it follows the wave and the product, and its error falls far below that of regression. "
    "Part of that is the noise of the samples, learnt by heart by the larger networks, which is why the error on known samples alone is no "
    "proof of a good model.",
    next=(
        "Replace tanh by ReLU: is the difference to regression larger or smaller?",
        "Give the network a hidden layer with one unit and three outputs: now it cannot even say all that regression can. Why?",
        "Compare the errors of the tanh networks on new samples as well: which depth is best?",
    ),
)
