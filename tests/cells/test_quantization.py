import math
from functools import partial

import pytest
import torch
from torch.nn.utils import parametrize

from stormcell.cells.cell import unroll
from stormcell.cells.convgru import ConvGRU
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.fused import unroll_fused
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import BatchNormalise, LayerNormalise, Normalise, WeightNormalise
from stormcell.cells.quantization import QUANTIZERS, quantize, update_curvature
from stormcell.cells.rnn import RNN
from stormcell.cells.stack import Stack
from stormcell.cells.trajgru import TrajGRU

TERNARY = {"ter-connect", "twn", "lat"}

W = torch.tensor([[0.1, -0.5, 1.0, -2.0]])
ONES = torch.ones(1, 4)


@pytest.mark.parametrize(
    ("scheme", "curvature", "levels"),
    [
        ("binary-connect", ONES, [1, -1, 1, -1]),
        ("bwn", ONES, [0.9, -0.9, 0.9, -0.9]),  # mean |w| = 3.6 / 4
        ("lab", ONES, [0.9, -0.9, 0.9, -0.9]),
        ("lab", torch.tensor([[1.0, 1.0, 1.0, 5.0]]), [1.45, -1.45, 1.45, -1.45]),  # 11.6 / 8
        ("ter-connect", ONES, [0, 0, 1, -1]),  # threshold 0.63
        ("twn", ONES, [0, 0, 1.5, -1.5]),  # mean of 1 and 2
        ("lat", ONES, [0, 0, 1.5, -1.5]),  # a = 0.9 keeps 3: 3.5 / 3, keeps 2: 1.5, which keeps the same 2
        ("lat", torch.tensor([[1.0, 1.0, 1.0, 5.0]]), [0, 0, 11 / 6, -11 / 6]),  # a = 1.45 keeps 2: 11 / 6
    ],
)
def test_levels_by_hand(scheme, curvature, levels):
    torch.testing.assert_close(QUANTIZERS[scheme](W, curvature), torch.tensor([levels], dtype=torch.float32))


@pytest.mark.parametrize("scheme", QUANTIZERS)
def test_a_gate_of_zeros_stays_finite(scheme):
    assert QUANTIZERS[scheme](torch.zeros(2, 5), torch.ones(2, 5)).isfinite().all()


@pytest.mark.parametrize("draw", [torch.randn, torch.rand])
def test_lat_has_settled(draw):
    """As in the released code, which goes on until the scale moves by less than 1e-6."""
    torch.manual_seed(0)
    w, d = draw(4, 200_000).double(), torch.rand(4, 200_000).double()
    levels = QUANTIZERS["lat"](w, d)
    scale = levels.abs().amax(1, keepdim=True)
    kept = w.abs() > scale / 2
    torch.testing.assert_close((kept * d * w.abs()).sum(1) / (kept * d).sum(1), scale[:, 0], rtol=0, atol=1e-6)


def cells():
    return {
        "rnn": (RNN(3, 4), ["gates.input_weight", "gates.state_weight"], 1),
        "lstm": (LSTM(3, 4, peepholes=True), ["gates.input_weight", "gates.state_weight"], 4),
        "gru": (GRU(3, 4, normalise=BatchNormalise), ["gates.input_weight", "gates.state_weight"], 3),
        "no input": (LSTM(None, 4), ["gates.state_weight"], 4),
        "convlstm": (ConvLSTM(3, 4, 3, 5), ["input_convolution.weight", "state_convolution.weight"], 4),
        "trajgru": (TrajGRU(3, 4, 2, 3), ["input_convolution.weight", "state_convolution.weight"], 3),
        "convgru": (ConvGRU(3, 4, 3, 5), ["input_convolution.weight", "state_convolution.weight"], 3),
    }


@pytest.mark.parametrize("scheme", QUANTIZERS)
@pytest.mark.parametrize("name", cells())
def test_weights_take_exactly_the_allowed_values(name, scheme):
    torch.manual_seed(0)
    cell, weights, gates = cells()[name]
    full_precision = {key: value.detach().clone() for key, value in cell.named_parameters()}
    quantize(cell, scheme)
    for path in weights:
        owner, name = path.rsplit(".", 1)
        levels = getattr(cell.get_submodule(owner), name).detach()
        for gate, block in enumerate(levels.chunk(gates)):  # each gate has its own scale
            w = full_precision[path].chunk(gates)[gate]
            scale = block.abs().max()
            allowed = {-float(scale), float(scale)} | ({0.0} if scheme in TERNARY else set())
            assert set(block.unique().tolist()) <= allowed
            assert (block * w >= 0).all()
            if scheme.endswith("connect"):
                assert scale == 1
            expected = QUANTIZERS[scheme](w.reshape(1, -1), torch.ones(1, w.numel())).reshape(w.shape)
            torch.testing.assert_close(block, expected)
    rest = {key: value for key, value in cell.named_parameters() if "parametrizations" not in key}
    assert len(rest) == len(full_precision) - len(weights)
    assert all(torch.equal(value, full_precision[key]) for key, value in rest.items())  # biases, peepholes, gains


@pytest.mark.parametrize("scheme", QUANTIZERS)
def test_gradients_go_straight_through_to_the_full_precision_copies(scheme):
    torch.manual_seed(0)
    cell, inputs = LSTM(3, 4), torch.randn(2, 5, 3)
    quantize(cell, scheme)
    baked = LSTM(3, 4)  # plain weights that happen to be the levels
    with torch.no_grad():
        baked.gates.input_weight.copy_(cell.gates.input_weight)
        baked.gates.state_weight.copy_(cell.gates.state_weight)
    made, expected = unroll(cell, inputs)[0], unroll(baked, inputs)[0]
    torch.testing.assert_close(made, expected)
    made.square().sum().backward()
    expected.square().sum().backward()
    for weight in ("input_weight", "state_weight"):
        original = cell.gates.parametrizations[weight].original
        torch.testing.assert_close(original.grad, getattr(baked.gates, weight).grad)


@pytest.mark.parametrize("scheme", ["lab", "lat"])
def test_curvature_comes_from_adam(scheme):
    torch.manual_seed(0)
    cell, inputs = LSTM(3, 4), torch.randn(2, 5, 3)
    optimizer = torch.optim.Adam(cell.parameters(), 0.01)  # made before: the parameters stay the same objects
    quantize(cell, scheme)
    update_curvature(cell, optimizer)  # nothing known yet
    assert (cell.gates.parametrizations.state_weight[0].curvature == 1).all()
    for _ in range(3):
        optimizer.zero_grad()
        unroll(cell, inputs)[0].square().sum().backward()
        optimizer.step()
        update_curvature(cell, optimizer)
    for weight in ("input_weight", "state_weight"):
        parametrization = cell.gates.parametrizations[weight]
        moment = optimizer.state[parametrization.original]["exp_avg_sq"]
        torch.testing.assert_close(parametrization[0].curvature, moment.sqrt() + 1e-8)
        blocks, curvature = (value.detach().reshape(4, -1) for value in (parametrization.original, parametrization[0].curvature))
        torch.testing.assert_close(getattr(cell.gates, weight).detach().reshape(4, -1), QUANTIZERS[scheme](blocks, curvature))
    other = LSTM(3, 4)
    quantize(other, scheme)
    other.load_state_dict(cell.state_dict())  # the curvature too
    torch.testing.assert_close(unroll(other, inputs), unroll(cell, inputs), rtol=0, atol=0)


def test_whole_stacks_at_once_and_for_good():
    torch.manual_seed(0)
    stack, inputs = Stack([LSTM(3, 4), GRU(4, 5)]), torch.randn(2, 6, 3)
    quantize(stack, "twn")
    outputs = unroll(stack, inputs)[0]
    with parametrize.cached():
        torch.testing.assert_close(unroll(stack, inputs)[0], outputs, rtol=0, atol=0)
    torch.testing.assert_close(unroll_fused(stack, inputs)[0], outputs)
    for cell in stack.cells:
        for weight in ("input_weight", "state_weight"):
            parametrize.remove_parametrizations(cell.gates, weight)
    torch.testing.assert_close(unroll(stack, inputs)[0], outputs, rtol=0, atol=0)
    assert set(stack.state_dict()) == set(Stack([LSTM(3, 4), GRU(4, 5)]).state_dict())


def test_checkpoints_and_cached_levels_go_together():
    torch.manual_seed(0)
    cell, inputs = LSTM(3, 4, normalise=WeightNormalise), torch.randn(2, 6, 3)
    quantize(cell, "lat")
    grads = []
    for every in (None, 2):
        cell.zero_grad()
        with parametrize.cached():
            loss = unroll(cell, inputs, checkpoint_every=every)[0].square().sum()
        loss.backward()
        grads.append([parameter.grad.clone() for parameter in cell.parameters()])
    torch.testing.assert_close(grads[1], grads[0])


def test_what_cannot_be_quantised():
    with pytest.raises(ValueError, match="binary-connect"):
        quantize(LSTM(3, 4), "one-bit")
    with pytest.raises(ValueError, match="no weights"):
        quantize(torch.nn.Linear(3, 4), "bwn")
    cell = LSTM(3, 4)
    quantize(cell, "bwn")
    with pytest.raises(ValueError, match="already"):
        quantize(cell, "lab")


WORDS = ("rain", "hail", "snow", "sleet", "storm", "thunder", "drizzle", "mist", "shower", "squall")


def text(length: int, *, seed: int) -> torch.Tensor:
    """A text of weather words: the next letter is sure within most of a word and open at its start. As numbers of letters."""
    chance = torch.Generator().manual_seed(seed)
    letters = sorted({*"".join(WORDS), " "})
    words = (WORDS[int(torch.randint(len(WORDS), (1,), generator=chance))] for _ in range(length))
    return torch.tensor([letters.index(letter) for letter in " ".join(words)[:length]])


def bits_per_character(*, scheme: str | None, normalise: Normalise | None, updates: int, units: int = 128) -> float:
    """Train on a text of weather words, then measure on another; in the settings of Hou et al., on a small scale."""
    torch.manual_seed(0)
    train, test = text(20_000, seed=0), text(4_000, seed=1)
    letters = int(train.max()) + 1
    cell, head = LSTM(letters, units, normalise=normalise), torch.nn.Linear(units, letters)
    if scheme:
        quantize(cell, scheme)
    optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()], 2e-3)

    def loss(pieces: torch.Tensor) -> torch.Tensor:
        inputs = torch.nn.functional.one_hot(pieces[:, :-1], letters).float()
        with parametrize.cached():
            outputs, _ = unroll_fused(cell, inputs)
        return torch.nn.functional.cross_entropy(head(outputs).flatten(0, 1), pieces[:, 1:].flatten())

    for _ in range(updates):
        starts = torch.randint(len(train) - 31, (32,))
        optimizer.zero_grad()
        loss(torch.stack([train[start : start + 31] for start in starts])).backward()
        torch.nn.utils.clip_grad_norm_([*cell.parameters(), *head.parameters()], 5.0)
        optimizer.step()
        update_curvature(cell, optimizer)
    cell.eval()
    with torch.no_grad():
        return float(loss(test[: len(test) // 31 * 31].reshape(-1, 31))) / math.log(2)


EVERY_WAY = (WeightNormalise, LayerNormalise, BatchNormalise, partial(BatchNormalise, steps=30))


# Margin in bits per character over full precision; measured at full scale: weight 0.09, layer -0.03, batch -0.03; without any 3.0.
@pytest.mark.parametrize(
    ("updates", "units", "margin", "ways"),
    [(300, 64, 0.5, EVERY_WAY[:1]), pytest.param(400, 128, 0.15, EVERY_WAY, marks=pytest.mark.slow)],
    ids=["small", "full-scale"],
)
def test_binary_weights_fail_without_normalisation_and_learn_with_it(updates, units, margin, ways):
    learn = partial(bits_per_character, updates=updates, units=units)
    full_precision = learn(scheme=None, normalise=None)
    assert full_precision < 0.75  # of 3.7 without any memory
    assert learn(scheme="binary-connect", normalise=None) > 3.0
    for normalise in ways:
        assert learn(scheme="binary-connect", normalise=normalise) < full_precision + margin
