"""Guided networks: the anchor by hand, a residual that begins at nothing, the loss as a proper score."""

import math

import numpy as np
import pytest
import torch

from stormcell.errors import MethodError
from stormcell.motion import Trajectories, advect
from stormcell.networks.architectures import build_network
from stormcell.networks.guided import SCALE, Anchor, Guided, Residual, carried_rain, exceedance_loss, paths_back
from stormcell.networks.guided.anchor import neighbourhood
from stormcell.networks.pyramid import PYRAMID_CELLS

SMALL = {"hidden": [4, 6], "tail": 4, "steps": 4, "levels": [0.5, 2.0], "squares": [3]}


def seen(batch=2, past=3, steps=4, size=16):
    torch.manual_seed(0)
    return torch.rand(batch, past, size, size), torch.rand(batch, past, size, size) > 0.1, torch.rand(batch, steps, size, size)


def test_shares_of_a_neighbourhood_count_what_was_seen():
    event = torch.tensor([[[[1, 0, 0], [0, 0, 0], [0, 0, 1]]]], dtype=torch.bool)
    known = torch.tensor([[[[1, 1, 1], [1, 1, 1], [1, 0, 1]]]], dtype=torch.bool)
    shares = neighbourhood(event, known, [1, 3])
    assert shares.shape == (1, 2, 1, 3, 3)
    assert shares[0, 0, 0].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]
    torch.testing.assert_close(shares[0, 1, 0, 1, 1], torch.tensor(2 / 8))  # the middle: two events among the eight that were seen
    torch.testing.assert_close(shares[0, 1, 0, 0, 0], torch.tensor(1 / 4))  # a corner has four neighbours, itself among them
    assert neighbourhood(event & False, known & False, [3]).eq(0).all()


def test_an_anchor_by_hand():
    anchor = Anchor([0.2, 0.4], steps=2, squares=1)
    with torch.no_grad():
        anchor.weight[:] = torch.tensor([1.0, 0.5, 2.0])
        anchor.bias[:] = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
        anchor.staying[:] = torch.tensor([0.25, 4.0])
    guess, last = torch.full((1, 3, 2, 2), 0.3), torch.tensor([[[0.45, 0.0], [0.0, 0.0]]])
    carried = torch.full((1, 3, 2, 2), 0.35)
    surroundings = anchor.log_odds(last, torch.ones(1, 2, 2, dtype=torch.bool), [3])
    share = math.log((0.25 + 0.02) / (1.02 - 0.25))  # one pixel in four is above both levels
    assert surroundings.shape == (1, 1, 2, 2, 2)
    torch.testing.assert_close(surroundings[0, 0, :, 0, 0], torch.tensor([share, share]))
    # d(0.3) = +1, -1; d(0.35) = 1.5, -0.5; d(0.45) = 2.5, 0.5
    one = torch.tensor([1 + 0.5 * 1.5 + 0.25 * 2.5, -1 - 0.5 * 0.5 + 0.25 * 0.5])
    torch.testing.assert_close(anchor(guess, carried, last)[0, :, :, 0, 0], one.expand(3, 2))
    moving = torch.tensor([[2 * share + 0.1, 2 * share + 0.2], [2 * share + 0.3, 2 * share + 0.4]])
    torch.testing.assert_close(anchor.moving(surroundings, 3)[0, :, :, 0, 0], moving[[0, 1, 1]])  # beyond the last step its weights hold
    torch.testing.assert_close(anchor.still(surroundings, 3)[0, :, :, 0, 0], torch.tensor([4 * share, 4 * share]).expand(3, 2))


def test_paths_are_those_of_the_classics():
    """A wind that turns; with nodes on every pixel they are the same."""
    row, column = np.mgrid[:40, :48].astype(np.float32)
    motion = np.stack((1.5 + 0.05 * np.sin(row), -0.7 + 0.4 * np.sin(column / 2)))
    places = paths_back(torch.from_numpy(motion)[None], 4)
    assert places.shape == (1, 4, 2, 40, 48)
    for made, trusted in zip(places[0].numpy(), Trajectories(motion).followed(range(1, 5)), strict=True):
        np.testing.assert_allclose(made, np.stack(trusted), atol=0.02)


def test_rain_is_carried_as_the_classics_carry_it():
    rng = np.random.default_rng(0)
    rain = rng.gamma(0.3, 6.0, (24, 30)).astype(np.float32)
    rain[rain < 0.1] = 0.0
    unseen = rng.random(rain.shape) < 0.1
    motion = np.stack((np.full(rain.shape, 1.3, np.float32), np.full(rain.shape, -0.6, np.float32)))
    x = SCALE.forward(torch.from_numpy(rain))[None, None, None].expand(1, 3, 1, -1, -1)
    there, known = carried_rain(x, torch.from_numpy(~unseen)[None], paths_back(torch.from_numpy(motion)[None], 3))
    trusted = advect(np.where(unseen, np.nan, rain), motion, [1, 2, 3])
    np.testing.assert_array_equal(known[0].numpy(), np.isfinite(trusted))
    np.testing.assert_allclose(there[0, :, 0].numpy(), SCALE.forward(torch.from_numpy(np.nan_to_num(trusted))).numpy(), atol=1e-3)


def test_what_moves_and_what_stays():
    """Rain of one place, with a wind of two pixels a step: logits that move are found where it will be, those that stay where it was."""
    network = build_network("guided", SMALL | {"network": False})
    assert isinstance(network, Guided)
    past, known = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16, dtype=torch.bool)
    past[..., 8, 4] = 0.9
    guess, motion = torch.zeros(1, 4, 16, 16), torch.zeros(1, 2, 16, 16)
    motion[:, 0] = 2.0
    with torch.no_grad():
        network.anchor.weight.zero_()
        network.anchor.bias.zero_()
        network.anchor.weight[..., 1] = 1.0
        network.anchor.staying[..., 0] = 10.0
        logits = network(past, known, guess, motion)[0, :, 0]
    high, low = 2.5, (0.0 - SCALE.level(0.5)) / 0.1
    for step in range(1, 5):
        field = logits[step - 1, 8]
        assert field[4] == pytest.approx(low + 10 * high, abs=1e-4)
        assert field[4 + 2 * step] == pytest.approx(high + 10 * low, abs=1e-4)
        assert field[2] == pytest.approx(11 * low, abs=1e-4)


@pytest.mark.parametrize("cell", PYRAMID_CELLS)
def test_the_residual_begins_at_nothing_and_then_learns(cell):
    past, known, guess = seen(steps=5)
    residual = Residual(2, [4, 6], cell=cell, tail=4, links=2)
    made = residual(past, known.float(), guess, torch.rand(2, 2, 16, 16))
    assert made.shape == (2, 5, 2, 16, 16) and made.eq(0).all()
    torch.nn.init.normal_(residual.head.weight)
    residual(past, known.float(), guess, torch.rand(2, 2, 16, 16)).square().sum().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in residual.parameters())
    still = [name for name, weights in residual.named_parameters() if not weights.grad.any()]
    assert cell == "trajgru" or not still  # whose links do not move at first


def test_each_step_ahead_depends_on_its_own_guess_and_on_those_before():
    past, known, guess = seen(batch=1)
    residual = Residual(1, [4], tail=4)
    torch.nn.init.normal_(residual.head.weight)
    guess.requires_grad_()
    made = residual(past[:1], known[:1].float(), guess, torch.zeros(1, 2, 16, 16))
    (gradient,) = torch.autograd.grad(made[:, :2].sum(), guess)
    assert gradient[:, :2].any() and not gradient[:, 2:].any()


def test_an_untrained_network_is_its_anchor():
    network = build_network("guided", SMALL)
    assert isinstance(network, Guided)
    past, known, guess = seen()
    motion = torch.rand(2, 2, 16, 16)
    network.requires_grad_(False)
    made = network(past, known, guess, motion)
    network.residual = None
    torch.testing.assert_close(network(past, known, guess, motion), made)
    assert build_network("guided", SMALL | {"network": False}).residual is None


def test_what_does_not_fit_is_refused():
    for settings, words in (
        ({"levels": [2.0, 0.5]}, "rising"),
        ({"levels": [0.01]}, "from 0.1"),
        ({"squares": [4]}, "odd"),
        ({"cell": "gru"}, "expected a cell"),
        ({"together": 0}, "one lead time together"),
        ({"depth": 2}, "no setting 'depth'"),
    ):
        with pytest.raises(MethodError, match=words):
            build_network("guided", SMALL | settings)
    past, known, guess = seen(size=18)
    with pytest.raises(ValueError, match="multiples of 4"):
        Residual(1, [4, 4])(past, known.float(), guess, torch.zeros(2, 2, 18, 18))


def test_the_loss_by_hand():
    rain = torch.tensor([[[[0.5, 3.0, 0.0]]]])
    valid = torch.tensor([[[[True, True, False]]]])
    logits = torch.tensor([0.0, 1.0]).reshape(1, 1, 2, 1, 1).expand(1, 1, 2, 1, 3)
    weights = torch.tensor([1.0, 3.0])
    low, high = math.log(2), math.log(1 + math.exp(-1))  # -log p of an event; of none it is 1 more at a logit of 1
    expected = (low + low + 3 * (high + 1) + 3 * high) / (2 * 4)
    made = exceedance_loss(logits, rain, valid, levels=[0.5, 2.0], weights=weights)
    torch.testing.assert_close(made, torch.tensor(expected))
    with pytest.raises(ValueError, match="expected logits"):
        exceedance_loss(logits[:, :, :1], rain, valid, levels=[0.5, 2.0], weights=weights)


def test_the_best_forecast_of_the_loss_is_the_true_frequency():
    rain = (torch.arange(10) < 3).float().reshape(1, 1, 1, 10) * 5
    logit = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([logit], max_iter=50)

    def closure():
        optimizer.zero_grad()
        levels = logit.expand(1, 1, 1, 1, 10)
        loss = exceedance_loss(levels, rain, torch.ones_like(rain, dtype=torch.bool), levels=[2.0], weights=torch.ones(1))
        loss.backward()
        return loss

    optimizer.step(closure)
    assert logit.sigmoid().item() == pytest.approx(0.3, abs=1e-4)


def test_decisions_beyond_the_last_step_are_its_own():
    network = build_network("guided", SMALL)
    network.decisions[-1] = 2.0
    assert network.decisions_for(6)[3:].eq(2.0).all() and network.decisions_for(2).shape == (2, 2)
    assert SCALE.level(0.1) > 0
