import pytest
import torch
from torch import nn

from stormcell.networks.feedforward import ACTIVATIONS, MLP, deeper, learn_perceptron, linear_regression, perceptron

torch.set_num_threads(1)


def test_activations_by_hand():
    x = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0])
    expected = {
        "identity": x,
        "sign": torch.tensor([-1.0, -1.0, 0.0, 1.0, 1.0]),
        "hard_tanh": torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]),
        "relu": torch.tensor([0.0, 0.0, 0.0, 0.5, 2.0]),
        "leaky_relu": torch.tensor([-0.02, -0.005, 0.0, 0.5, 2.0]),
        "sigmoid": 1 / (1 + torch.exp(-x)),
        "tanh": (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x)),
    }
    assert set(expected) == set(ACTIVATIONS)
    for name, values in expected.items():
        torch.testing.assert_close(ACTIVATIONS[name](x), values)


def test_two_layers_by_hand():
    network = MLP(2, (2,), 1, activation="relu")
    with torch.no_grad():
        network.layers[0].weight.copy_(torch.tensor([[1.0, -1.0], [2.0, 0.0]]))
        network.layers[0].bias.copy_(torch.tensor([0.0, -1.0]))
        network.layers[1].weight.copy_(torch.tensor([[3.0, 1.0]]))
        network.layers[1].bias.fill_(0.5)
    # hidden: relu(1 - 2) = 0, relu(2 - 1) = 1; out: 0 + 1 + 0.5
    assert network(torch.tensor([[1.0, 2.0]])).item() == 1.5


def test_the_perceptron_learns_what_a_line_parts_and_not_xor():
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    both, either_or = torch.tensor([-1.0, -1.0, -1.0, 1.0]), torch.tensor([-1.0, 1.0, 1.0, -1.0])
    network = perceptron(2)
    assert learn_perceptron(network, corners, both) < 100
    assert network(corners).squeeze().tolist() == both.tolist()
    assert learn_perceptron(perceptron(2), corners, either_or) == 100


def test_back_propagation_by_hand_equals_autograd():
    """dL/dW2 = d2 h', dL/dW1 = (W2' d2 . f'(a)) x', for L = (y - t)^2 / 2 and f = tanh."""
    torch.manual_seed(0)
    network = MLP(3, (4,), 1, activation="tanh").double()
    x, target = torch.randn(3, dtype=torch.float64), 0.7
    (0.5 * (network(x) - target) ** 2).sum().backward()
    first, second = network.layers
    with torch.no_grad():
        a = first.weight @ x + first.bias
        h = torch.tanh(a)
        d2 = second.weight @ h + second.bias - target
        d1 = (second.weight.T @ d2) * (1 - h**2)
    torch.testing.assert_close(second.weight.grad, torch.outer(d2, h))
    torch.testing.assert_close(first.weight.grad, torch.outer(d1, x))
    torch.testing.assert_close(first.bias.grad, d1)


def test_identity_layers_are_linear_regression():
    torch.manual_seed(0)
    deep = MLP(3, (5, 4), 2, activation="identity").double()
    flat = linear_regression(3, 2).double()
    with torch.no_grad():
        weights = [layer.weight for layer in deep.layers]
        flat.layers[0].weight.copy_(weights[2] @ weights[1] @ weights[0])
        flat.layers[0].bias.copy_(deep(torch.zeros(3, dtype=torch.float64)))
    x = torch.randn(7, 3, dtype=torch.float64)
    torch.testing.assert_close(deep(x), flat(x))


@pytest.mark.parametrize("activation", ["identity", "sign", "hard_tanh", "relu"])
def test_a_deeper_network_begins_as_the_shallower_one(activation):
    torch.manual_seed(0)
    shallow = MLP(3, (6, 5), 2, activation=activation)
    grown = deeper(shallow, 2)
    x = torch.randn(20, 3)
    assert [layer.out_features for layer in grown.layers] == [6, 5, 5, 5, 2]
    torch.testing.assert_close(grown(x), shallow(x))
    grown.layers[0].weight.data.zero_()
    assert shallow.layers[0].weight.abs().sum() > 0, "the shallower network is left alone"


def test_batch_normalisation_keeps_layers_in_range():
    torch.manual_seed(0)
    network = MLP(3, (8, 8), 1, activation="tanh", batch_norm=True)
    seen = []
    network.norms[1].register_forward_hook(lambda module, given, made: seen.append(made))
    network(100 * torch.randn(64, 3))
    assert seen[0].mean().abs() < 1e-5 and 0.9 < seen[0].std() < 1.1
    assert isinstance(network.norms[0], nn.BatchNorm1d)


def test_mistakes_are_said():
    with pytest.raises(ValueError, match="unknown activation 'swish'"):
        MLP(2, (3,), 1, activation="swish")
    with pytest.raises(ValueError, match="widths of one or more"):
        MLP(2, (0,), 1)
    with pytest.raises(ValueError, match="hidden layer or more"):
        deeper(linear_regression(2))
