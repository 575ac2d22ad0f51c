"""Back-propagation through a small network by hand, every number of it beside that of automatic differentiation."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.lab.drawing import axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.networks.feedforward import MLP

__all__ = ["EXPERIMENT"]

HIDDEN = (4, 3, 3)
INPUTS, OUTPUTS = 3, 2


def forward(layers: Sequence[nn.Linear], x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """v_l and y_l of every layer (equations 2 to 4): tanh in the hidden layers, the identity in the last; y[0] is the input."""
    sums, spoken = [], [x]
    for number, layer in enumerate(layers):
        sums.append(layer.weight @ spoken[-1] + layer.bias)
        spoken.append(sums[-1] if number == len(layers) - 1 else torch.tanh(sums[-1]))
    return sums, spoken


def backward(layers: Sequence[nn.Linear], spoken: Sequence[Tensor], target: Tensor) -> dict[str, list[Tensor]]:
    """The chain rule, step by step, from the last layer to the first, for L = |y_L - t|^2 / 2.

    "delta": dL / dv_l; "weight": dL / dW_l; "bias": dL / db_l; each in the order of the layers.
    """
    delta = spoken[-1] - target  # the last layer has the slope 1
    found: dict[str, list[Tensor]] = {"delta": [], "weight": [], "bias": []}
    for number in reversed(range(len(layers))):
        found["delta"].insert(0, delta)
        found["weight"].insert(0, torch.outer(delta, spoken[number]))  # a weight counts as much as what it hears
        found["bias"].insert(0, delta)
        if number > 0:
            share = layers[number].weight.T @ delta  # blame, by the weights that carried the answer forward
            delta = share * (1 - spoken[number] ** 2)  # times the slope of tanh where it stood
    return found


def by_autograd(layers: Sequence[nn.Linear], x: Tensor, target: Tensor) -> dict[str, list[Tensor]]:
    """The same derivatives as PyTorch finds them."""
    sums, spoken = forward(layers, x)
    loss = 0.5 * (spoken[-1] - target).square().sum()
    weights, biases = [layer.weight for layer in layers], [layer.bias for layer in layers]
    found = list(torch.autograd.grad(loss, [*sums, *weights, *biases]))
    count = len(layers)
    return {"delta": found[:count], "weight": found[count : 2 * count], "bias": found[2 * count :]}


def by_small_steps(network: MLP, x: Tensor, target: Tensor, step: float = 1e-5) -> list[Tensor]:
    """dL / dW_l without any calculus: move each weight a little to both sides and see what the loss does."""
    found = []
    with torch.no_grad():
        for layer in linear_layers(network):
            slope = torch.zeros_like(layer.weight)
            for place in range(layer.weight.numel()):
                weight = layer.weight.view(-1)
                kept, loss = weight[place].item(), []
                for moved in (kept + step, kept - step):
                    weight[place] = moved
                    loss.append(0.5 * (network(x) - target).square().sum().item())
                weight[place] = kept
                slope.view(-1)[place] = (loss[0] - loss[1]) / (2 * step)
            found.append(slope)
    return found


def linear_layers(network: MLP) -> list[nn.Linear]:
    """The layers of the network, as what they are."""
    return [layer for layer in network.layers if isinstance(layer, nn.Linear)]


def largest_difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Between numbers that ought to be equal."""
    return max(float((one.detach() - other.detach()).abs().max()) for one, other in zip(ours, theirs, strict=True))


def draw(figures: Mapping[str, Any]) -> Picture:
    """The deltas layer by layer, by hand beside automatic differentiation, with their numbers."""
    by_hand, automatic = figures["delta_by_hand"], figures["delta_by_autograd"]
    most = max(abs(value) for layer in by_hand for value in layer)
    with style():
        figure, columns = axes(len(by_hand), height=4.0)
        for number, (one, ours, theirs) in enumerate(zip(columns, by_hand, automatic, strict=True), start=1):
            one.imshow([list(pair) for pair in zip(ours, theirs, strict=True)], cmap="PuOr", vmin=-most, vmax=most, aspect="auto")
            for row, pair in enumerate(zip(ours, theirs, strict=True)):
                for column, value in enumerate(pair):
                    colour = "white" if abs(value) > 0.6 * most else "black"
                    one.text(column, row, f"{value:+.3f}", ha="center", va="center", color=colour, fontsize=10)
            one.set_xticks([0, 1], ["hand", "autograd"], fontsize=10)
            one.set_yticks(range(len(ours)), [f"unit {unit}" for unit in range(1, len(ours) + 1)])
            one.tick_params(length=0)
            one.grid(visible=False)
            one.spines[:].set_visible(False)
            one.set_title("output" if number == len(by_hand) else f"layer {number}")
        figure.supxlabel(r"$\longleftarrow$  the way back: each panel is computed from the one on its right")
        figure.supylabel(r"$\delta_l = \partial L\,/\,\partial v_l$")
    return Picture(
        "deltas-by-hand-and-autograd",
        figure,
        "The error goes back layer by layer, and every number found by hand is the one that automatic differentiation finds.",
        "Four panels, one for each layer from the first to the output. Each shows a row for each unit and two columns, the derivative of "
        "the loss by what goes into the unit as found by hand and by automatic differentiation, as a number on a colour from orange "
        "(negative) to purple (positive). The two columns are equal everywhere.",
    )


def run(full: bool) -> Outcome:
    """Fifty random networks and samples; the first one is drawn."""
    worst = {"forward": 0.0, "delta": 0.0, "weight": 0.0, "bias": 0.0, "small_steps": 0.0}
    figures: dict[str, Any] = {"widths": [INPUTS, *HIDDEN, OUTPUTS]}
    with torch.random.fork_rng():
        for seed in range(50):
            torch.manual_seed(seed)
            network = MLP(INPUTS, HIDDEN, OUTPUTS, activation="tanh").double()
            layers = linear_layers(network)
            x, target = torch.randn(INPUTS, dtype=torch.float64), torch.randn(OUTPUTS, dtype=torch.float64)
            _, spoken = forward(layers, x)
            ours, theirs = backward(layers, spoken, target), by_autograd(layers, x, target)
            worst["forward"] = max(worst["forward"], largest_difference([spoken[-1]], [network(x)]))
            for name in ours:
                worst[name] = max(worst[name], largest_difference(ours[name], theirs[name]))
            worst["small_steps"] = max(worst["small_steps"], largest_difference(ours["weight"], by_small_steps(network, x, target)))
            if seed == 0:
                for name, found in (("hand", ours), ("autograd", theirs)):
                    figures |= {f"{part}_by_{name}": [value.tolist() for value in values] for part, values in found.items()}
                figures["spoken"] = [value.tolist() for value in spoken]
    figures["largest_difference"] = worst
    checks = (
        Check("forward: largest difference to the network's own answer", worst["forward"], at_most=1e-12),
        Check("dL / dv: largest difference to automatic differentiation", worst["delta"], at_most=1e-12),
        Check("dL / dW: largest difference to automatic differentiation", worst["weight"], at_most=1e-12),
        Check("dL / db: largest difference to automatic differentiation", worst["bias"], at_most=1e-12),
        Check("dL / dW: largest difference to what small steps of each weight show", worst["small_steps"], at_most=1e-7),
    )
    return Outcome(figures, checks, (draw(figures),))


EXPERIMENT = Experiment(
    title="Back-propagation by hand",
    claim="The gradient of the loss with respect to every weight of a multi-layer network follows from the chain rule, applied from the "
    "last layer back to the first: back-propagation.",
    place="equations 2 to 4 and what follows on back-propagation",
    equations=(
        r"v_l = W_l y_{l-1} + b_l, \quad y_l = f(v_l), \quad y_0 = x, \quad L = \tfrac{1}{2} |y_N - t|^2",
        r"\delta_l = \frac{\partial L}{\partial v_l}, \quad \delta_N = y_N - t, \quad \delta_l = (W_{l+1}^\top \delta_{l+1}) \odot f'(v_l)",
        r"\frac{\partial L}{\partial W_l} = \delta_l \, y_{l-1}^\top, \quad \frac{\partial L}{\partial b_l} = \delta_l",
    ),
    idea="On the way forward each layer l adds up what it hears, v = W y + b, and says y = f(v). Here f is tanh, whose slope is "
    "1 - y squared, and the last layer N says v itself. The loss L is half the squared distance between the answer and the target t.\n\n"
    "On the way back each unit is told how much the loss would change if its sum v changed: that is its delta. At the end it is simply "
    "the error. One layer further down it is the deltas above, each by the weight through which this unit spoke to it, times the slope "
    "of f. (The circled dot multiplies number by number.) The gradient of a weight is then the delta of the unit that listens times the "
    "value that it hears.\n\n"
    "This is written out in a few lines, without any automatic differentiation, for fifty random networks in double precision, and every "
    "intermediate number is compared with what PyTorch's automatic differentiation finds. Both could be wrong in the same way, so a third "
    "way that knows no chain rule has a say: move each weight a little and see what the loss does.",
    shown=(forward, backward, by_autograd, by_small_steps),
    run=run,
    lesson="By hand and by machine the numbers agree to the last digits of double precision: automatic differentiation does nothing else "
    "than this, layer by layer. Moving each weight agrees as well, only less exactly, and it needs two runs of the network for every "
    "weight, whereas the way back costs about as much as one or two ways forward for all weights together. That is why large networks "
    "can learn at all.\n\n"
    "One look at the picture shows the chain: the deltas of a layer are computed from those of the layer on its right and from nothing "
    "else but weights and slopes. They mostly become smaller towards the input, because each slope of tanh is at most 1 and the weights "
    "begin small. In deep networks that becomes a problem of its own.",
    next=(
        "Replace tanh by the sigmoid, whose slope is y (1 - y), in forward and backward, and watch the deltas of the first layer.",
        "Leave the slope out of backward: by how much is each layer wrong, and does a network still learn with that?",
        "Make `step` of by_small_steps larger and smaller, and find where it agrees best; explain why there is such a place.",
    ),
)
