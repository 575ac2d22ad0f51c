"""`unroll`, over every vector cell."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from stormcell.cells.cell import unroll
from stormcell.cells.fused import unroll_fused
from stormcell.cells.gru import GRU
from stormcell.cells.lstm import LSTM
from stormcell.cells.normalization import BatchNormalise
from stormcell.cells.rnn import RNN
from tests.cells.vector_cells import CELLS, INPUTS, TRAINED, UNITS, build, gradients, some_inputs

every_cell = pytest.mark.parametrize("name", CELLS)
every_trained_cell = pytest.mark.parametrize("name", [*TRAINED, "lab"])


def close(one, other, tolerance=1e-12):
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@every_cell
def test_equals_a_loop_by_hand(name):
    cell, inputs = build(name), some_inputs()
    outputs, last = unroll(build(name), inputs)
    state = cell.initial_state(inputs[:, 0])
    for step in range(inputs.shape[1]):
        output, state = cell.step(tuple(term[0] for term in cell.project(inputs[:, step][None])), state)
        close(outputs[:, step], output)
    close(last, state)


@every_cell
def test_one_step_at_a_time_equals_the_whole(name):
    inputs = some_inputs()
    whole, other = build(name), build(name)
    outputs, last = unroll(whole, inputs)
    state, pieces = None, []
    for step in inputs.split(1, dim=1):
        piece, state = unroll(other, step, state)
        pieces.append(piece)
    close(torch.cat(pieces, dim=1), outputs)
    close(state, last)
    close(list(other.buffers()), list(whole.buffers()))  # also the running statistics


@every_trained_cell
def test_truncation_as_long_as_the_sequence_changes_nothing(name):
    inputs = some_inputs()
    cell, other = build(name), build(name)
    full = gradients(cell, unroll(cell, inputs)[0].square().sum())
    for truncate in (6, 100):
        close(gradients(other, unroll(other, inputs, truncate=truncate)[0].square().sum()), full)


@every_trained_cell
def test_truncation_equals_cutting_by_hand(name):
    inputs = some_inputs()
    cell, other = build(name), build(name)
    made, last = unroll(cell, inputs, truncate=4)
    first, state = unroll(other, inputs[:, :4])
    second, end = unroll(other, inputs[:, 4:], tuple(part.detach() for part in state))
    by_hand = torch.cat((first, second), dim=1)
    close(made, by_hand)
    close(last, end)
    close(gradients(cell, made.square().sum()), gradients(other, by_hand.square().sum()))


def test_truncation_really_cuts():
    cell, inputs = build("rnn"), some_inputs()
    cut, full = (gradients(cell, unroll(cell, inputs, truncate=truncate)[0][:, -1].sum()) for truncate in (2, None))
    assert not torch.allclose(cut["gates.state_weight"], full["gates.state_weight"])


@every_trained_cell
@pytest.mark.parametrize("truncate", [None, 3])
def test_checkpoints_change_nothing(name, truncate):
    inputs = some_inputs()
    cell, other = build(name), build(name)
    outputs, last = unroll(cell, inputs, truncate=truncate)
    again, end = unroll(other, inputs, truncate=truncate, checkpoint_every=2)
    close(again, outputs)
    close(end, last)
    close(gradients(other, again.square().sum()), gradients(cell, outputs.square().sum()))
    close(list(other.buffers()), list(cell.buffers()))  # computing a step anew does not count it in the statistics again


@pytest.mark.parametrize("numbers_at_once", [1, 2**20])
def test_states_are_kept_as_far_apart_as_asked_for(numbers_at_once, monkeypatch):
    """Also of images so large that the inputs of a single step fill the caches."""
    monkeypatch.setattr("stormcell.cells.cell._NUMBERS_AT_ONCE", numbers_at_once)
    pieces = []

    def counting(run, cell, inputs, mask, state, steps, **how):
        pieces.append(steps)
        return checkpoint(run, cell, inputs, mask, state, steps, **how)

    monkeypatch.setattr("stormcell.cells.cell.checkpoint", counting)
    outputs, _ = unroll(build("rnn"), some_inputs(), checkpoint_every=4)
    assert pieces == [4, 2]
    close(outputs, unroll(build("rnn"), some_inputs())[0])


def test_a_cell_keeps_its_own_buffers_through_checkpoints():
    cell = LSTM(INPUTS, UNITS, normalise=BatchNormalise)
    before = [id(buffer) for buffer in cell.buffers()]
    unroll(cell, some_inputs(dtype=torch.float32), checkpoint_every=2)[0].sum().backward()
    assert [id(buffer) for buffer in cell.buffers()] == before


@every_cell
def test_mask_keeps_the_state_of_a_finished_sequence(name):
    cell, inputs = build(name).eval(), some_inputs()
    lengths = (6, 2, 4)
    mask = torch.arange(6) < torch.tensor(lengths)[:, None]
    outputs, last = unroll(cell, inputs, mask=mask)
    for number, length in enumerate(lengths):
        alone, end = unroll(cell, inputs[number : number + 1, :length])
        close(outputs[number : number + 1, :length], alone)
        assert not outputs[number, length:].any()
        close(tuple(part[number : number + 1] for part in last), end)


@every_cell
def test_unroll_fused_gives_the_same(name):
    inputs = some_inputs()
    outputs, last = unroll(build(name), inputs)
    again, end = unroll_fused(build(name), inputs)
    close(again, outputs)
    close(end, last)
    halfway = unroll_fused(build(name).eval(), inputs[:, :3])[1]
    close(unroll_fused(build(name).eval(), inputs[:, 3:], halfway)[0], unroll(build(name).eval(), inputs)[0][:, 3:])


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
@pytest.mark.parametrize("inputs", [None, 0])
def test_a_layer_without_input(kind, inputs):
    torch.manual_seed(0)
    cell = kind(inputs, UNITS)
    start = tuple(torch.randn_like(part) for part in cell.initial_state(torch.zeros(2, INPUTS)))
    outputs, _ = unroll(cell, state=start, steps=5)
    assert outputs.shape == (2, 5, UNITS)
    assert set(gradients(cell, outputs.sum())) == {name for name, _ in kind(INPUTS, UNITS).named_parameters()} - {"gates.input_weight"}
    full = kind(INPUTS, UNITS)
    full.load_state_dict(cell.state_dict(), strict=False)
    close(outputs, unroll(full, torch.zeros(2, 5, INPUTS), start)[0], 1e-6)  # no input is an input of 0
    with pytest.raises(ValueError, match="without input"):
        unroll(cell, torch.zeros(2, 5, INPUTS))


@pytest.mark.parametrize("name", [name for name in TRAINED if name != "rnn relu"])  # whose kink gradcheck may hit
def test_gradients_by_finite_differences(name):
    cell, inputs = build(name), some_inputs(batch=2, steps=3).requires_grad_()
    names, parameters = zip(*cell.named_parameters(), strict=True)
    start = tuple(torch.randn_like(part) if part.is_floating_point() else part for part in cell.initial_state(inputs[:, 0]))
    floating = [part.requires_grad_() for part in start if part.is_floating_point()]

    def outputs(inputs, *others):
        state = (*others[: len(floating)], *start[len(floating) :])
        weights = dict(zip(names, others[len(floating) :], strict=True))
        return torch.func.functional_call(_Unrolled(cell), {f"cell.{name}": weight for name, weight in weights.items()}, (inputs, state))

    assert torch.autograd.gradcheck(outputs, (inputs, *floating, *parameters))


class _Unrolled(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, inputs, state):
        outputs, last = unroll(self.cell, inputs, state)
        return outputs, *(part for part in last if part.is_floating_point())


@every_trained_cell
def test_every_parameter_gets_a_gradient(name):
    cell = build(name)
    for parameter, gradient in gradients(cell, unroll(cell, some_inputs())[0].square().sum()).items():
        assert gradient.abs().max() > 1e-9, parameter


@every_cell
def test_meta_device(name):
    with torch.device("meta"):
        cell = CELLS[name]()
    described = {key: value.shape for key, value in CELLS[name]().state_dict().items()}
    assert {key: value.shape for key, value in cell.state_dict().items()} == described
    assert all(value.is_meta for value in cell.state_dict().values())


@every_cell
def test_state_dict_round_trip(name):
    cell, other, inputs = build(name), build(name, seed=1), some_inputs()
    unroll(cell, inputs)  # running statistics move
    other.load_state_dict(cell.state_dict())
    close(unroll(other.eval(), inputs)[0], unroll(cell.eval(), inputs)[0])


@every_cell
@torch.no_grad()
def test_one_step_exports(name):
    cell, inputs = build(name).eval(), some_inputs()
    state = cell.initial_state(inputs[:, 0])
    projected = tuple(term[0] for term in cell.project(inputs[:, 0][None]))
    program = torch.export.export(_Step(cell), (projected, state))
    close(program.module()(projected, state), cell.step(projected, state))


class _Step(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, projected, state):
        return self.cell.step(projected, state)


@pytest.mark.parametrize(
    "name",
    ["rnn", "lstm", "lstm peepholes", "gru", "gru batch per step", "lstm layer", "lstm weight", "rnn batch", "stack", "echo state"],
)
@pytest.mark.parametrize("training", [False, True])
def test_half_precision_within_autocast(name, training):
    cell, inputs = build(name).float().train(training), some_inputs(batch=20, dtype=torch.float32)
    expected = unroll(cell, inputs)[0]
    with torch.autocast("cpu", torch.bfloat16):
        made, fused = unroll(cell, inputs)[0], unroll_fused(cell, inputs)[0]
    for result in (made, fused):
        assert (result - expected).norm() < 0.01 * expected.norm()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "steps="),
        ({"inputs": torch.zeros(2, 3)}, "batch, time, channel"),
        ({"inputs": torch.zeros(2, 5, INPUTS), "steps": 4}, "have 5 steps"),
        ({"inputs": torch.zeros(2, 0, INPUTS)}, "one step or more"),
        ({"steps": 4}, "state to start from"),
        ({"inputs": torch.zeros(2, 5, INPUTS), "truncate": 0}, "truncate"),
        ({"inputs": torch.zeros(2, 5, INPUTS), "checkpoint_every": 0}, "checkpoint_every"),
        ({"inputs": torch.zeros(2, 5, INPUTS), "mask": torch.ones(2, 5)}, "bool mask"),
        ({"inputs": torch.zeros(2, 5, INPUTS), "mask": torch.ones(1, 5, dtype=torch.bool)}, r"bool mask \(2, 5\), got torch.bool \(1, 5\)"),
    ],
)
def test_arguments_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        unroll(RNN(INPUTS, UNITS), **arguments)
