"""Networks without memory: the perceptron, linear regression, and multi-layer networks of any depth."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ACTIVATIONS", "MLP", "deeper", "learn_perceptron", "linear_regression", "perceptron"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "sign": torch.sign,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hard_tanh": functional.hardtanh,
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
}


class MLP(nn.Module):
    """A multi-layer network: y_l = f(W_l y_(l-1) + b_l), l = 1 .. L, y_0 = x, and a last layer with an activation of its own.

    Args:
        inputs: numbers in.
        hidden: width of each hidden layer; none for a single layer.
        outputs: numbers out.
        activation: of the hidden layers, a name in `ACTIVATIONS`.
        output_activation: of the last layer.
        batch_norm: normalise each hidden layer over the batch before its activation.

    Shapes:
        input (..., inputs) to (..., outputs); with batch_norm (batch, inputs).

    Raises:
        ValueError: an activation that is not known, or a width below one.

    Source:
        Shah's review, eq. 1 to 4; batch normalisation: Ioffe & Szegedy (2015), arXiv:1502.03167.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        *,
        activation: str = "relu",
        output_activation: str = "identity",
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        widths = [inputs, *hidden, outputs]
        if min(widths) < 1:
            raise ValueError(f"expected widths of one or more, got {widths}")
        for name in (activation, output_activation):
            if name not in ACTIVATIONS:
                raise ValueError(f"unknown activation {name!r}: expected one of {', '.join(ACTIVATIONS)}")
        self.activation, self.output_activation = activation, output_activation
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in zip(widths, widths[1:], strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in hidden) if batch_norm else None

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        for number, layer in enumerate(self.layers[:-1]):
            x = layer(x)
            x = ACTIVATIONS[self.activation](x if self.norms is None else self.norms[number](x))
        return ACTIVATIONS[self.output_activation](self.layers[-1](x))


def perceptron(inputs: int) -> MLP:
    """Rosenblatt's perceptron: y = sign(w x + b). It has no gradient: train it by `learn_perceptron`."""
    return MLP(inputs, (), 1, output_activation="sign")


def linear_regression(inputs: int, outputs: int = 1) -> MLP:
    """The network with the identity for activation: y = W x + b. The deepest network of identities is no more than this."""
    return MLP(inputs, (), outputs)


@torch.no_grad()
def learn_perceptron(network: MLP, inputs: Tensor, targets: Tensor, *, epochs: int = 100) -> int:
    """The perceptron's own rule: for each sample that is wrong, w += t x and b += t.

    Args:
        network: from `perceptron`; changed in place.
        inputs: (sample, inputs).
        targets: (sample,) of -1 and 1.
        epochs: passes over all samples at most.

    Returns:
        How many passes it took until a pass made no mistake (it converges where a plane parts the classes); `epochs` if it never did.

    Source:
        Rosenblatt (1958), doi:10.1037/h0042519.
    """
    layer = network.layers[0]
    assert isinstance(layer, nn.Linear)
    for epoch in range(epochs):
        mistakes = 0
        for x, target in zip(inputs, targets, strict=True):
            if network(x).item() != target.item():
                layer.weight.add_(target * x)
                layer.bias.add_(target)
                mistakes += 1
        if mistakes == 0:
            return epoch
    return epochs


@torch.no_grad()
def deeper(shallow: MLP, layers: int = 1) -> MLP:
    """A deeper network that begins with what a trained shallower one has learnt.

    The trained layers are copied, and new ones go in before the last. They have the width of the last hidden layer and begin as the
    identity: with an activation for which f(f(x)) = f(x) (identity, sign, hard tanh, ReLU) the deeper network computes exactly what
    the shallower one did. With the others it begins a little off (tanh flattens what is large, sigmoid squeezes what is between 0
    and 1), and training goes on from there.

    Args:
        shallow: a trained network with a hidden layer or more, without batch normalisation.
        layers: how many layers to add.

    Raises:
        ValueError: the network has no hidden layer, or normalises its layers.

    Source:
        Chen et al. (2016), "Net2Net", arXiv:1511.05641.
    """
    if len(shallow.layers) < 2 or shallow.norms is not None:
        raise ValueError("expected a network with a hidden layer or more, without batch normalisation")
    linear = [layer for layer in shallow.layers if isinstance(layer, nn.Linear)]
    width = linear[-1].in_features
    hidden = [*(layer.out_features for layer in linear[:-1]), *[width] * layers]
    grown = MLP(
        linear[0].in_features,
        hidden,
        linear[-1].out_features,
        activation=shallow.activation,
        output_activation=shallow.output_activation,
    )
    old = iter(linear)
    for number, layer in enumerate(grown.layers):
        assert isinstance(layer, nn.Linear)
        if len(linear) - 1 <= number < len(grown.layers) - 1:
            layer.weight.copy_(torch.eye(width))
            layer.bias.zero_()
        else:
            layer.load_state_dict(next(old).state_dict())
    return grown
