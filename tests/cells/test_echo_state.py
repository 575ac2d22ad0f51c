import math

import pytest
import torch

from stormcell.cells.cell import unroll
from stormcell.cells.echo_state import EchoState, RidgeReadout
from tests.cells.vector_cells import double


def test_a_step_by_hand():
    with double():
        cell = EchoState(1, 3, leak=0.3, density=1.0, seed=1)
    x, u = torch.tensor([[0.1, -0.2, 0.4]], dtype=torch.float64), torch.tensor([[[0.7]]], dtype=torch.float64)
    inner = 0.7 * cell.input_weight[:, 0] + cell.bias + cell.state_weight @ x[0]
    outputs, _ = unroll(cell, u, (x,))
    torch.testing.assert_close(outputs[0, 0], 0.7 * x[0] + 0.3 * torch.tanh(inner))


@pytest.mark.parametrize("radius", [0.8, 1.25])
def test_spectral_radius_is_as_asked(radius):
    with double():
        cell = EchoState(2, 100, spectral_radius=radius, density=0.2, leak=1.0)
    assert float(torch.linalg.eigvals(cell.state_weight).abs().max()) == pytest.approx(radius, rel=1e-9)
    assert cell.effective_spectral_radius() == pytest.approx(radius, rel=1e-9)  # without leak they are the same


def test_effective_spectral_radius_of_a_leaky_reservoir():
    with double():
        cell = EchoState(1, 50, spectral_radius=1.25, density=0.2, leak=0.3)
    expected = torch.linalg.eigvals(0.7 * torch.eye(50).double() + 0.3 * cell.state_weight).abs().max()
    assert cell.effective_spectral_radius() == pytest.approx(float(expected), rel=1e-9)


def test_density_and_input_scaling_are_as_asked():
    cell = EchoState(5, 400, density=0.2, input_scaling=0.5)
    assert float((cell.state_weight != 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    for weight in (cell.input_weight, cell.bias):
        assert 0.48 < float(weight.abs().max()) <= 0.5


def test_the_seed_decides_and_the_global_one_does_not():
    torch.manual_seed(1)
    one = EchoState(2, 20, seed=3, density=0.5).state_dict()
    torch.manual_seed(2)
    same, other = EchoState(2, 20, seed=3, density=0.5).state_dict(), EchoState(2, 20, seed=4, density=0.5).state_dict()
    assert all(torch.equal(same[key], one[key]) for key in one)
    assert not torch.equal(other["state_weight"], one["state_weight"])


def test_echoes_fade():
    # Two states, the same inputs: with a small enough radius the first state is forgotten.
    cell = EchoState(1, 50, spectral_radius=0.5, density=0.2, leak=0.5)
    inputs = torch.randn(1, 200, 1).expand(2, -1, -1)
    _, (last,) = unroll(cell, inputs, (torch.randn(2, 50),))
    assert float((last[0] - last[1]).abs().max()) < 1e-5


@pytest.mark.parametrize(
    "settings", [{"leak": 0.0}, {"leak": 1.5}, {"density": 0.0}, {"spectral_radius": 0.0}, {"density": 1e-9}, {"units": 0}, {"inputs": 0}]
)
def test_what_cannot_be_built(settings):
    with pytest.raises(ValueError, match="EchoState"):
        EchoState(**{"inputs": 1, "units": 10, **settings})


def test_readout_solves_the_normal_equations():
    torch.manual_seed(0)
    states, inputs, targets = (torch.randn(60, width, dtype=torch.float64) for width in (4, 2, 3))
    readout = RidgeReadout(4, 3, direct=2, ridge=0.5).double()
    readout.add(states, targets, inputs)
    readout.fit()
    z = torch.cat((torch.ones(60, 1), states, inputs), dim=1).t()
    expected = targets.t() @ z.t() @ torch.linalg.inv(z @ z.t() + 0.5 * torch.eye(7))
    torch.testing.assert_close(readout.weight, expected)
    torch.testing.assert_close(readout(states, inputs), (expected @ z).t())


def test_readout_from_pieces_in_any_order():
    torch.manual_seed(0)
    states, targets = torch.randn(2, 30, 4), torch.randn(2, 30, 3)
    whole, pieces = RidgeReadout(4, 3), RidgeReadout(4, 3)
    whole.add(states, targets)
    for piece in (slice(20, 30), slice(0, 7), slice(7, 20)):
        pieces.add(states[:, piece], targets[:, piece])
    for readout in (whole, pieces):
        readout.fit()
    torch.testing.assert_close(pieces.weight, whole.weight)
    again = RidgeReadout(4, 3)
    again.load_state_dict(pieces.state_dict())  # the sums are saved too
    again.add(states, targets)
    again.fit()
    torch.testing.assert_close(again.weight, whole.weight)


@pytest.mark.parametrize("settings", [{"features": 0}, {"outputs": 0}, {"direct": -1}, {"ridge": -1.0}, {"ridge": math.nan}])
def test_readouts_that_cannot_be_built(settings):
    with pytest.raises(ValueError, match="RidgeReadout"):
        RidgeReadout(**{"features": 3, "outputs": 1, **settings})


def mackey_glass(length: int, *, seed: int) -> torch.Tensor:
    """dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x by Runge-Kutta in steps of 0.1, one value a unit of time; then tanh(x - 1)."""
    per_unit, delay, spin_up = 10, 170, 500
    total = (length + spin_up) * per_unit
    noise = torch.rand(delay + 1, generator=torch.Generator().manual_seed(seed)).tolist()
    x = [1.2 + 0.2 * (value - 0.5) for value in noise]

    def slope(now: float, then: float) -> float:
        return 0.2 * then / (1 + then**10) - 0.1 * now

    for _ in range(total):
        now, then, later = x[-1], x[-1 - delay], x[-delay]
        half = (then + later) / 2
        k1 = slope(now, then)
        k2 = slope(now + 0.05 * k1, half)
        k3 = slope(now + 0.05 * k2, half)
        k4 = slope(now + 0.1 * k3, later)
        x.append(now + 0.1 * (k1 + 2 * k2 + 2 * k3 + k4) / 6)
    return torch.tanh(torch.tensor(x[-length * per_unit :: per_unit], dtype=torch.float64) - 1)


def run_mackey_glass(series: torch.Tensor, *, units: int, seed: int, warm_up: int = 100, trained: int = 2000):
    """One-step RMSE / std over 500 steps, and the squared error 84 steps after each of many starts, run freely."""
    with double():
        cell = EchoState(1, units, leak=0.3, spectral_radius=1.25, density=0.2, seed=seed)
        readout = RidgeReadout(units, 1, ridge=1e-8)
    inputs, targets = series[None, :-1, None], series[None, 1:, None]
    state, before = None, {name: value.clone() for name, value in cell.state_dict().items()}
    for first in range(0, trained, 250):  # never all states at once
        states, state = unroll(cell, inputs[:, first : first + 250], state)
        seen = slice(max(warm_up - first, 0), None)
        readout.add(states[:, seen], targets[:, first : first + 250][:, seen])
    readout.fit()
    assert not list(cell.parameters()) and all(torch.equal(value, before[name]) for name, value in cell.state_dict().items())

    states, _ = unroll(cell, inputs[:, trained : trained + 500], state)
    error = readout(states) - targets[:, trained : trained + 500]
    one_step = float(error.square().mean().sqrt() / series.std())

    starts = torch.arange(trained, trained + 500, 25)
    windows = torch.stack([series[start - 200 : start] for start in starts])[..., None]
    states, state = unroll(cell, windows)
    guess = readout(states[:, -1:])  # of series[start]
    for _ in range(83):
        states, state = unroll(cell, guess, state)
        guess = readout(states)
    return one_step, float((guess[:, 0, 0] - series[starts + 83]).square().mean().sqrt() / series.std())


# The largest errors of an independent reservoir over 3 seeds, with the same series and settings but other input weights.
@pytest.mark.parametrize(("units", "one_step_limit", "free_limit"), [(100, 3.9e-3, 0.54), (300, 2.0e-3, 2.2e-2)])
def test_mackey_glass(units, one_step_limit, free_limit):
    series = mackey_glass(2700, seed=0)
    one_step, free = zip(*(run_mackey_glass(series, units=units, seed=seed) for seed in range(3)), strict=True)
    assert 1e-4 < max(one_step) < one_step_limit  # much better would mean that the target leaks in
    assert max(free) < free_limit
