"""The reference of the benchmark computes what the cells compute: otherwise their times could not be compared."""

import torch

from stormcell.benchmark.plain_cells import PlainConvGRU, PlainConvLSTM, PlainConvTTLSTM, PlainPredRNN, PlainTrajGRU
from stormcell.cells import ConvGRU, ConvLSTM, ConvTTLSTM, TrajGRU, unroll
from stormcell.networks.predrnn import ZigZag


def _frames(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_plain_convlstm_is_convlstm():
    torch.manual_seed(0)
    plain, ours = PlainConvLSTM(3, 4, 3).double(), ConvLSTM(3, 4, 3, 3, peepholes=False).double()
    with torch.no_grad():
        weight = _in_our_order(plain.convolution.weight)
        ours.input_convolution.weight.copy_(weight[:, :3])
        ours.state_convolution.weight.copy_(weight[:, 3:])
        ours.state_convolution.bias.copy_(_in_our_order(plain.convolution.bias))
    x = _frames(2, 4, 3, 6, 5)
    torch.testing.assert_close(unroll(ours, x)[0], plain(x))


def test_plain_convttlstm_is_convttlstm():
    torch.manual_seed(0)
    plain, ours = PlainConvTTLSTM(3, 4, 3, order=2, steps=3, rank=5).double(), ConvTTLSTM(3, 4, 3, order=2, steps=3, rank=5).double()
    with torch.no_grad():
        seen = [part for core in plain.cores for part in core.weight[:, :8].chunk(2, dim=1)]  # of each core, of each of its two states
        ours.windows.weight.copy_(torch.cat(seen))
        ours.cores[0].weight.copy_(plain.cores[1].weight[:, 8:])
        ours.cores[0].bias.zero_()
        ours.window_biases.copy_(torch.stack([core.bias for core in plain.cores]))
        weight = _in_our_order(plain.gates.weight)
        ours.input_convolution.weight.copy_(weight[:, :3])
        ours.last_core.weight.copy_(weight[:, 3:])
        ours.last_core.bias.copy_(_in_our_order(plain.gates.bias))
    x = _frames(2, 5, 3, 6, 5)
    torch.testing.assert_close(unroll(ours, x)[0], plain(x))


def test_plain_predrnn_is_predrnn():
    torch.manual_seed(0)
    plain, ours = PlainPredRNN(3, 4, 2, 3).double(), ZigZag(3, 4, 2, 3).double()
    with torch.no_grad():
        for mine, theirs in zip(ours.cells, plain.cells, strict=True):
            mine.input_convolution.weight.copy_(theirs.of_x.weight)
            mine.state_convolution.weight.copy_(theirs.of_h.weight)
            mine.memory_convolution.weight.copy_(theirs.of_m.weight)
            mine.output_convolution.weight.copy_(theirs.of_memories.weight)
            mine.mix.weight.copy_(theirs.mix.weight)
        ours.head.weight.copy_(plain.head.weight)
    x = _frames(2, 4, 3, 6, 5)
    torch.testing.assert_close(unroll(ours, x)[0], plain(x))


def test_plain_grus_have_the_weights_and_size_of_ours():
    """Public ConvGRUs reset the state before the convolution, ours after it: the same work, another equation."""
    pairs = ((PlainTrajGRU(3, 4, 5), TrajGRU(3, 4, links=5)), (PlainConvGRU(3, 4, 3), ConvGRU(3, 4, 3, 3)))
    x = torch.randn(2, 3, 3, 6, 5)
    for plain, ours in pairs:
        assert abs(_numbers(plain) - _numbers(ours)) in (0, 12)  # ours has biases for input and state, as torch.nn
        assert plain(x).shape == unroll(ours, x)[0].shape


def _in_our_order(of_gates):
    """Gates i, f, o, g as i, f, g, o."""
    i, f, o, g = of_gates.chunk(4)
    return torch.cat((i, f, g, o))


def _numbers(module):
    return sum(weight.numel() for weight in module.parameters())
