"""What every cell in `CELLS` owes."""

import pytest
import torch
from torch import nn

from stormcell.cells import CELLS, IMAGE_CELLS, NORMALISERS, QUANTIZERS, Zoneout, normalise_convolutions, quantize, unroll
from tests.cells.image_contract import Step


def fresh(name: str) -> nn.Module:
    return CELLS[name](3, 30 if name == "echo-state" else 4)  # a reservoir is sparse, and wants more than a few units


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    cell = fresh(name)
    with torch.no_grad():
        for weight in cell.parameters():
            weight.uniform_(-0.2, 0.2)  # also those that begin at zero
    return cell


def sequence(name: str, batch: int = 2, steps: int = 5, grid: tuple[int, int] = (6, 5)) -> torch.Tensor:
    shape = (batch, steps, 3, *(grid if name in IMAGE_CELLS else ()))
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", CELLS)
def test_every_parameter_gets_a_gradient(name):
    cell = built(name)
    inputs = sequence(name).requires_grad_()
    unroll(cell, inputs)[0].square().sum().backward()
    assert inputs.grad is not None and inputs.grad.abs().sum() > 0
    assert [key for key, weight in cell.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@pytest.mark.parametrize("name", IMAGE_CELLS)
def test_the_same_weights_run_on_any_grid(name):
    cell = built(name)
    for grid in ((6, 5), (9, 3)):
        assert unroll(cell, sequence(name, grid=grid))[0].shape == (2, 5, 4, *grid)


@pytest.mark.parametrize("name", CELLS)
def test_nothing_is_fixed_to_a_device(name):
    with torch.device("meta"):
        on_meta = fresh(name)
    assert list(on_meta.state_dict()) == list(built(name).state_dict())
    assert unroll(on_meta, sequence(name).to("meta"))[0].is_meta


@pytest.mark.parametrize("name", CELLS)
def test_weights_go_out_and_in(name):
    cell, other = built(name), fresh(name)
    other.load_state_dict(cell.state_dict())
    torch.testing.assert_close(unroll(other, sequence(name))[0], unroll(cell, sequence(name))[0])


@pytest.mark.parametrize("name", CELLS)
def test_streaming_equals_unrolling(name):
    cell, inputs = built(name), sequence(name)
    outputs, last = unroll(cell, inputs)
    state, streamed = None, []
    for step in range(inputs.shape[1]):
        output, state = unroll(cell, inputs[:, step : step + 1], state)
        streamed.append(output)
    torch.testing.assert_close(torch.cat(streamed, dim=1), outputs)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(state, last, strict=True))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("option", [{"checkpoint_every": 2}, {"truncate": 9}])
def test_checkpoints_and_a_long_truncation_change_no_gradient(name, option):
    def gradients(**options):
        cell, inputs = built(name), sequence(name).requires_grad_()
        unroll(cell, inputs, **options)[0].square().sum().backward()
        return [inputs.grad, *(weight.grad for weight in cell.parameters())]

    for changed, plain in zip(gradients(**option), gradients(), strict=True):
        torch.testing.assert_close(changed, plain, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_by_finite_differences(name):
    """Of outputs and last state, by inputs, first state and every weight."""
    cell, inputs = built(name).double(), sequence(name, batch=1, steps=3, grid=(3, 4)).double().requires_grad_()
    state = tuple(torch.rand_like(part).requires_grad_() for part in cell.initial_state(inputs[:, 0]))

    def run(inputs, *others):
        outputs, last = unroll(cell, inputs, others[: len(state)])
        return outputs, *last

    assert torch.autograd.gradcheck(run, (inputs, *state, *cell.parameters()), fast_mode=True)


@pytest.mark.parametrize("name", CELLS)
def test_truncation_equals_cutting_by_hand(name):
    def gradients(run):
        cell, inputs = built(name).double(), sequence(name).double().requires_grad_()
        outputs = run(cell, inputs)
        outputs.square().sum().backward()
        return [outputs.detach(), inputs.grad, *(weight.grad for weight in cell.parameters())]

    def by_hand(cell, inputs):
        first, state = unroll(cell, inputs[:, :2])
        second, state = unroll(cell, inputs[:, 2:4], tuple(part.detach() for part in state))
        third, _ = unroll(cell, inputs[:, 4:], tuple(part.detach() for part in state))
        return torch.cat((first, second, third), dim=1)

    cut = gradients(lambda cell, inputs: unroll(cell, inputs, truncate=2)[0])
    torch.testing.assert_close(cut, gradients(by_hand), rtol=0, atol=1e-12)
    assert not torch.allclose(cut[1], gradients(lambda cell, inputs: unroll(cell, inputs)[0])[1])


@pytest.mark.parametrize("name", CELLS)
@torch.no_grad()
def test_a_finished_sequence_keeps_its_state(name):
    cell, inputs = built(name), sequence(name)
    outputs, last = unroll(cell, inputs, mask=torch.tensor([[True] * 5, [True] * 3 + [False] * 2]))
    alone, end = unroll(cell, inputs[1:, :3])
    torch.testing.assert_close(outputs[1:, :3], alone)
    assert not outputs[1, 3:].any()
    torch.testing.assert_close(tuple(part[1:] for part in last), end)


@pytest.mark.parametrize("scheme", [None, *QUANTIZERS])
@pytest.mark.parametrize("norm", NORMALISERS)
@pytest.mark.parametrize("name", IMAGE_CELLS)
def test_image_cells_take_every_dress(name, norm, scheme):
    """Normalised convolutions, quantised weights and zoneout, all at once; streaming still equals unrolling."""
    cell = built(name)
    normalise_convolutions(cell, NORMALISERS[norm])
    if scheme:
        quantize(cell, scheme)
    dressed, inputs = Zoneout(cell, 0.1), sequence(name)
    unroll(dressed, inputs)[0].square().sum().backward()
    assert [key for key, weight in dressed.named_parameters() if weight.grad is None or not weight.grad.any()] == []
    together, _ = unroll(dressed.eval(), inputs)
    first, state = unroll(dressed, inputs[:, :2])
    torch.testing.assert_close(torch.cat((first, unroll(dressed, inputs[:, 2:], state)[0]), dim=1), together)


@pytest.mark.parametrize("name", CELLS)
def test_bf16_stays_near_float32(name):
    cell, inputs = built(name).eval(), sequence(name)
    with torch.no_grad():
        exact = unroll(cell, inputs)[0]
        with torch.autocast("cpu", torch.bfloat16):
            rough = unroll(cell, inputs)[0].float()
    assert (rough - exact).norm() / exact.norm() < 0.01


@pytest.mark.parametrize("name", CELLS)
def test_one_step_can_be_exported(name):
    cell, inputs = built(name).eval(), sequence(name)
    example = inputs[:, 0], cell.initial_state(inputs[:, 0])
    exported = torch.export.export(Step(cell), example).module()
    for a, b in zip(exported(*example)[1], Step(cell)(*example)[1], strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CELLS)
def test_one_step_can_be_compiled(name):
    cell, inputs = built(name).eval(), sequence(name)
    example = inputs[:, 0], cell.initial_state(inputs[:, 0])
    with torch.no_grad():
        for a, b in zip(torch.compile(Step(cell))(*example)[1], Step(cell)(*example)[1], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
