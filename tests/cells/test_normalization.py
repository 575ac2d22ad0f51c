from functools import partial

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import NORMALISERS, BatchNormalise, LayerNormalise, WeightNormalise, normalise_convolutions
from stormcell.cells.quantization import quantize
from stormcell.cells.rnn import RNN

PER_STEP = partial(BatchNormalise, steps=3)


def close(one, other, tolerance=1e-12):
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def some(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_layer_normalises_each_gate_by_hand():
    # two gates of two units: (1, 3) has mean 2 and variance 1, (10, 10) has no variance
    normalise = LayerNormalise(torch.zeros(4, 1), 2, eps=1e-12).double()
    with torch.no_grad():
        normalise.gain.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    close(normalise(torch.tensor([[1.0, 3.0, 10.0, 10.0]], dtype=torch.float64), torch.zeros(4, 1)).tolist(), [[-1.0, 2.0, 0.0, 0.0]], 1e-9)


def test_weight_normalisation_takes_rows_by_direction_alone():
    weight, v = some(6, 3), some(5, 3)
    normalise = WeightNormalise(weight, 2).double()
    close(normalise(v @ weight.t(), weight), v @ weight.t(), 1e-7)  # begins as the identity
    for scale in (0.01, 100.0):
        close(normalise(v @ (scale * weight).t(), scale * weight), v @ weight.t(), 1e-5)


def test_weight_normalisation_equals_torch():
    theirs = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 6, bias=False).double())
    weight, v = theirs.weight.detach().clone(), some(5, 3)
    normalise = WeightNormalise(weight, 2).double()
    theirs.parametrizations.weight.original0.data *= 1.7
    normalise.gain.data *= 1.7
    close(normalise(v @ weight.t(), weight), theirs(v), 1e-7)


def test_batch_normalisation_equals_torch_at_every_step():
    ours, theirs = BatchNormalise(torch.zeros(6, 1), 2).double(), torch.nn.BatchNorm1d(6).double()
    for product in some(4, 5, 6):
        close(ours(product, product), theirs(product))
    close(ours.running_mean[0], theirs.running_mean)
    close(ours.running_var[0], theirs.running_var)
    product = some(5, 6)
    close(ours.eval()(product, product), theirs.eval()(product))


def test_batch_normalisation_per_step_keeps_its_steps_apart():
    ours, theirs = PER_STEP(torch.zeros(6, 1), 2).double(), [torch.nn.BatchNorm1d(6).double() for _ in range(3)]
    for _ in range(2):
        for step, product in enumerate(some(5, 4, 6)):
            done = torch.full((4,), step)
            close(ours(product, product, done), theirs[min(step, 2)](product))  # later steps take the last
    for step in range(3):
        close(ours.running_mean[step], theirs[step].running_mean)
        close(ours.running_var[step], theirs[step].running_var)
    # in use, sequences of different ages can share a batch
    product, ages = some(4, 6), (2, 0, 9, 1)
    alone = [theirs[min(age, 2)].eval()(product[number : number + 1]) for number, age in enumerate(ages)]
    close(ours.eval()(product, product, torch.tensor(ages)), torch.cat(alone))


@pytest.mark.parametrize("norm", ["layer", "weight", "batch"])
def test_grids(norm):
    # a grid of one pixel is a vector; the gain is per channel on any grid
    weight = some(6, 3, 1, 1)
    normalise = NORMALISERS[norm](weight, 2).double()
    product = some(5, 6)
    close(normalise(product[..., None, None], weight)[..., 0, 0], normalise(product, weight))
    normalise.eval()
    close(normalise(product[..., None, None], weight)[..., 0, 0], normalise(product, weight))
    assert normalise(some(2, 6, 4, 5), weight).shape == (2, 6, 4, 5)


def test_lstm_by_its_equation():
    # [i, f, g, o] = N(W_x x) + N(W_h h) + b, each gate's N on its own
    torch.manual_seed(0)
    cell = LSTM(3, 4, normalise=LayerNormalise, forget_bias=1.0).double()
    x, h, c = some(2, 3), some(2, 4), some(2, 4)
    norm = torch.nn.LayerNorm(4, elementwise_affine=False).double()
    gates = []
    for gate in range(4):
        rows = slice(4 * gate, 4 * gate + 4)
        w_x, w_h = cell.gates.input_weight[rows], cell.gates.state_weight[rows]
        gates.append(norm(x @ w_x.t()) + norm(h @ w_h.t()) + cell.gates.bias[rows])
    i, f, g, o = gates
    c_new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    _, state = unroll(cell, x[:, None], (h, c))
    close(state, (torch.sigmoid(o) * torch.tanh(c_new), c_new))


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
@pytest.mark.parametrize("norm", ["layer", "weight", "batch"])
def test_the_scale_of_the_weights_does_not_matter(kind, norm):
    torch.manual_seed(0)
    cell = kind(3, 4, normalise=NORMALISERS[norm]).double()
    inputs = some(5, 6, 3)
    before = unroll(cell, inputs)[0]
    with torch.no_grad():
        cell.gates.input_weight *= 50
        cell.gates.state_weight *= 50
    close(unroll(cell, inputs)[0], before, 1e-2)  # up to eps
    assert not torch.allclose(unroll(kind(3, 4).double(), inputs)[0], before)


@pytest.mark.parametrize("normalise", [BatchNormalise, PER_STEP])
@torch.no_grad()
def test_running_statistics_serve_in_use(normalise):
    torch.manual_seed(0)
    cell = LSTM(3, 4, normalise=normalise).double()
    inputs = some(64, 5, 3)
    for _ in range(100):
        trained = unroll(cell, inputs)[0]
    in_use = unroll(cell.eval(), inputs)[0]
    shared = normalise is BatchNormalise  # one mean for steps that differ: less close
    assert float((in_use - trained).abs().mean()) < (0.15 if shared else 0.05)
    close(unroll(cell, inputs[:1])[0], in_use[:1])  # the others in the batch have no say


@pytest.mark.parametrize("norm", NORMALISERS)
@pytest.mark.parametrize("scheme", [None, "bwn"])
def test_a_convolution_of_one_pixel_is_a_vector_cell(norm, scheme):
    torch.manual_seed(0)
    vector = LSTM(3, 4, normalise=NORMALISERS[norm]).double()
    image = ConvLSTM(3, 4, 1, 1, peepholes=False).double()
    with torch.no_grad():
        vector.gates.input_weight.copy_(image.input_convolution.weight[..., 0, 0])
        vector.gates.state_weight.copy_(image.state_convolution.weight[..., 0, 0])
        image.state_convolution.bias.copy_(vector.gates.bias.uniform_())
    normalise_convolutions(image, NORMALISERS[norm])
    if norm == "weight":
        vector.gates.input_normaliser.load_state_dict(image.input_convolution.normaliser.state_dict())
        vector.gates.state_normaliser.load_state_dict(image.state_convolution.normaliser.state_dict())
    for cell in (vector, image):
        if scheme:
            quantize(cell, scheme)
        cell.train(norm != "batch")
    inputs = some(5, 6, 3)
    close(unroll(image, inputs[..., None, None])[0][..., 0, 0], unroll(vector, inputs)[0])


def test_convolutions_keep_their_own_checks():
    with pytest.raises(ValueError, match="no convolutions"):
        normalise_convolutions(LSTM(3, 4), LayerNormalise)
    with pytest.raises(ValueError, match="each step"):
        normalise_convolutions(ConvLSTM(3, 4, 3, 3), PER_STEP)


def test_the_counter_is_in_the_state_only_where_it_is_needed():
    inputs = torch.randn(2, 5, 3)
    assert len(unroll(LSTM(3, 4, normalise=BatchNormalise), inputs)[1]) == 2
    _, (h, c, done) = unroll(LSTM(3, 4, normalise=PER_STEP), inputs)
    assert done.tolist() == [5, 5]
    assert done.dtype == torch.int64


def test_what_cannot_be():
    with pytest.raises(ValueError, match="steps=0"):
        LSTM(3, 4, normalise=partial(BatchNormalise, steps=0))
    with pytest.raises(ValueError, match="batch of two"):
        unroll(LSTM(3, 4, normalise=BatchNormalise), torch.zeros(1, 2, 3))
