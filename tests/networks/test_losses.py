import math

import numpy as np
import pytest
import torch

from stormcell.errors import MethodError
from stormcell.networks.losses import LOSSES, weighted_sum
from stormcell.networks.representation import Representation
from stormcell.verification.balanced import Balanced
from stormcell.verification.spectrum import Spectrum
from tests.verification.cases import case, rain

RADAR = Representation()
HKO7 = Representation(low_dbz=-10.0, high_dbz=60.0, a=58.53, b=1.56, dry_below=0.017)
NAN = float("nan")


def fields(*numbers, dtype=torch.float64):
    """Numbers of (x,) or (y, x) as (batch, time, channel, y, x)."""
    return [torch.tensor(each, dtype=dtype).reshape(1, 1, 1, *np.atleast_2d(each).shape) for each in numbers]


def value(name, forecast, observed, valid=None, representation=RADAR):
    forecast, observed = fields(forecast, observed)
    known = torch.isfinite(observed) if valid is None else torch.tensor(valid).reshape(observed.shape)
    return LOSSES[name](forecast, observed, known, representation=representation).item()


def random_case(seed=0, shape=(2, 3, 1, 9, 12), dtype=torch.float64):
    """Forecast, observation and mask, with NaN where the mask is False and at one pixel more than the radar failed to see."""
    draw = torch.Generator().manual_seed(seed)
    forecast, observed = (torch.rand(shape, generator=draw, dtype=dtype) for _ in range(2))
    valid = torch.rand(shape, generator=draw) > 0.2
    return forecast, torch.where(valid, observed, NAN), valid


@pytest.mark.parametrize("name", LOSSES)
class TestEveryLoss:
    def test_is_a_scalar_with_the_right_gradient(self, name):
        forecast, observed, valid = random_case(shape=(1, 2, 1, 5, 6))
        forecast.requires_grad_()
        loss = LOSSES[name](forecast, observed, valid, representation=RADAR)
        assert loss.shape == () and loss.isfinite()
        assert torch.autograd.gradcheck(lambda p: LOSSES[name](p, observed, valid, representation=RADAR), (forecast,))

    def test_what_is_not_valid_has_no_part(self, name):
        forecast, observed, valid = random_case()
        found = []
        for outside in (NAN, 0.0, 0.9, float("inf")):
            leaf = forecast.clone().requires_grad_()
            loss = LOSSES[name](leaf, torch.where(valid, observed, outside), valid, representation=RADAR)
            loss.backward()
            assert leaf.grad.isfinite().all() and (leaf.grad[~valid] == 0).all() and (leaf.grad[valid] != 0).any()
            found.append((loss.item(), leaf.grad))
        for loss, gradient in found[1:]:
            assert loss == found[0][0] and torch.equal(gradient, found[0][1])

    def test_an_unseen_pixel_that_is_called_valid_is_loud(self, name):
        forecast, observed, valid = random_case()
        loss = LOSSES[name](forecast, observed, torch.ones_like(valid), representation=RADAR)
        assert loss.isnan()

    def test_nothing_valid_is_zero(self, name):
        forecast, observed, valid = random_case()
        forecast.requires_grad_()
        loss = LOSSES[name](forecast, torch.full_like(observed, NAN), torch.zeros_like(valid), representation=RADAR)
        loss.backward()
        assert loss.item() == 0 and (forecast.grad == 0).all()

    def test_is_smallest_for_the_truth(self, name):
        forecast, observed, valid = random_case()
        truth = torch.where(valid, observed, 0.5)
        truth = torch.logit(truth) if name == "cross-entropy" else truth
        best = LOSSES[name](truth, observed, valid, representation=RADAR).item()
        assert best == (pytest.approx(0.0, abs=1e-12) if name != "cross-entropy" else best)
        for seed in range(1, 5):
            assert LOSSES[name](truth + 0.1 * random_case(seed)[0], observed, valid, representation=RADAR).item() > best

    def test_takes_low_precision_and_gives_back_full(self, name):
        forecast, observed, valid = random_case(dtype=torch.float32)
        rounded = forecast.bfloat16()
        low = LOSSES[name](rounded, observed, valid, representation=RADAR)
        assert low.dtype == torch.float32
        assert low.item() == pytest.approx(LOSSES[name](rounded.float(), observed, valid, representation=RADAR).item(), rel=1e-6)

    def test_does_not_depend_on_how_often_the_batch_stands_there(self, name):
        forecast, observed, valid = random_case()
        twice = [torch.cat((each, each)) for each in (forecast, observed, valid)]
        once = LOSSES[name](forecast, observed, valid, representation=RADAR).item()
        assert LOSSES[name](*twice, representation=RADAR).item() == pytest.approx(once, rel=1e-12)

    @pytest.mark.parametrize("wrong", ["forecast", "mask shape", "mask type", "no channel"])
    def test_what_does_not_fit_is_refused(self, name, wrong):
        forecast, observed, valid = random_case()
        if wrong == "forecast":
            forecast = forecast[:, :1]
        elif wrong == "mask shape":
            valid = valid[:1]
        elif wrong == "mask type":
            valid = valid.double()
        else:
            forecast, observed, valid = forecast[:, :, 0], observed[:, :, 0], valid[:, :, 0]
        with pytest.raises(ValueError, match="expected forecast, observed and a bool mask"):
            LOSSES[name](forecast, observed, valid, representation=RADAR)


def test_squared_and_absolute_error_by_hand():
    assert value("mse", [0.5, 0.2, 0.9], [0.1, 0.2, NAN]) == pytest.approx(0.4**2 / 2)
    assert value("mae", [0.5, 0.2, 0.9], [0.1, 0.2, NAN]) == pytest.approx(0.4 / 2)


def test_cross_entropy_by_hand():
    p = 1 / (1 + math.exp(-2.0))
    assert value("cross-entropy", [2.0, 0.0, 5.0], [1.0, 0.25, NAN]) == pytest.approx((-math.log(p) + math.log(2)) / 2)
    assert value("cross-entropy", [1000.0, -1000.0], [1.0, 0.0]) == 0.0  # no overflow
    assert value("cross-entropy", [-1000.0], [1.0]) == 1000.0


RATES = [0.0, 1.99, 2.0, 4.99, 5.0, 9.99, 10.0, 29.99, 30.0, 150.0]
WEIGHTS = [1, 1, 2, 2, 5, 5, 10, 10, 30, 30]


@pytest.mark.parametrize("representation", [RADAR, HKO7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("rate", "weight"), list(zip(RATES, WEIGHTS, strict=True)))
def test_weights_of_the_paper_at_every_border(rate, weight, dtype, representation):
    observed = representation.forward(torch.full((1, 1, 1, 1, 1), rate, dtype=dtype))
    said = observed + 0.25
    known = torch.ones_like(observed, dtype=torch.bool)
    absolute, squared = (LOSSES[name](said, observed, known, representation=representation).item() for name in ("b-mae", "b-mse"))
    assert absolute == pytest.approx(weight * 0.25, rel=1e-5) and squared == pytest.approx(weight * 0.25**2, rel=1e-5)


def test_the_forecast_has_no_say_in_its_weight():
    dry, pouring = 0.0, RADAR.level(50.0)
    assert value("b-mae", [pouring], [dry]) == pytest.approx(pouring)
    assert value("b-mae", [dry], [pouring]) == pytest.approx(30 * pouring)


def test_balanced_losses_are_the_scores_of_the_benchmark_but_for_the_sum_over_pixels():
    said, seen = rain(3, (1, 24, 30)), rain(4, (1, 24, 30)) * 3
    known = np.random.default_rng(5).random(seen.shape) > 0.1
    scores = Balanced().value(Balanced().sums(*case(said, seen, known))).isel(lead_time=0)
    forecast, observed = (HKO7.forward(torch.tensor(each, dtype=torch.float32)).reshape(1, 1, 1, 24, 30) for each in (said, seen))
    valid = torch.tensor(known).reshape(1, 1, 1, 24, 30)
    assert observed.max() > HKO7.level(30.0)
    for name, score in (("b-mse", "b_mse"), ("b-mae", "b_mae")):
        loss = LOSSES[name](forecast, observed, valid, representation=HKO7).item()
        assert loss * known.sum() == pytest.approx(scores[score].item(), rel=1e-3)


@pytest.mark.parametrize("name", ["b-mae", "b-mse"])
def test_grey_values_have_no_rain_rate_to_weigh_by(name):
    with pytest.raises(ValueError, match="grey values do not have"):
        value(name, [0.5], [0.5], representation=Representation(quantity="grey"))


def test_multi_scale_by_hand():
    # one wet pixel, forecast a pixel to the left: gone at scales of 2, 4 and 8, where it is the same block
    assert value("multi-scale", [[1.0, 0.0]], [[0.0, 1.0]]) == pytest.approx((1 + 1) / 4)
    # forecast in the next block of 2, the same one of 4 and 8: at scale 2 an error of 1/2 in two blocks of 2 pixels (one row high)
    assert value("multi-scale", [[1.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 0.0]]) == pytest.approx(((0.5 + 0.5) + (0.25 + 0.5)) / 4)


def test_multi_scale_averages_what_is_valid():
    # 3 valid pixels: at 1 pixel errors 1, 0, 0; at 2 a block of one (error 1) and one of two (error 0); at 4 and 8 one block, error 1/3
    expected = ((1 + 1) / 3 + (1 + 1) / 3 + 2 * (1 / 9 + 1 / 3)) / 4
    assert value("multi-scale", [[1.0, 0.7, 0.0, 0.2]], [[0.0, NAN, 0.0, 0.2]]) == pytest.approx(expected)


def test_multi_scale_forgives_what_is_near():
    observed = np.zeros((32, 32))
    observed[8:12, 8:12] = 0.6
    near, far = np.roll(observed, 2, 1), np.roll(observed, 16, 1)
    assert value("mse", near, observed) < value("mse", far, observed)
    gain = value("multi-scale", near, observed) / value("multi-scale", far, observed)
    assert gain < value("mse", near, observed) / value("mse", far, observed)


def test_spectra_do_not_see_a_shift_but_a_factor():
    observed = np.random.default_rng(0).random((16, 20))
    assert value("spectral", np.roll(observed, (3, 5), (0, 1)), observed) == pytest.approx(0.0, abs=1e-20)
    stronger = value("spectral", 10.0 * observed, observed)  # a hundred times the power, which is 2 in the logarithm
    assert stronger == pytest.approx(4.0, rel=0.02)
    assert value("spectral", observed, 10.0 * observed) == pytest.approx(stronger)


def test_spectra_punish_blur():
    observed = np.random.default_rng(0).random((32, 32))
    blurred = (observed + np.roll(observed, 1, 0) + np.roll(observed, 1, 1) + np.roll(observed, (1, 1), (0, 1))) / 4
    assert value("spectral", blurred, observed) > 0.3


@pytest.mark.parametrize("shape", [(16, 16), (16, 17), (21, 30), (30, 13)])
def test_rings_are_those_of_the_score(shape):
    said, seen = np.random.default_rng(1).random((2, *shape)) + 0.5
    score = Spectrum().value(Spectrum().sums(*case(said, seen))).isel(lead_time=0)
    expected = (score["log_spectral_distance"].item() / 10) ** 2
    assert value("spectral", said, seen) == pytest.approx(expected, rel=1e-2)  # the floor


def test_dry_fields_have_a_spectrum():
    assert value("spectral", np.zeros((8, 8)), np.zeros((8, 8))) == 0.0
    assert value("spectral", 1e-5 * np.random.default_rng(0).random((8, 8)), np.zeros((8, 8))) < 1e-6


def test_frames_without_a_valid_pixel_are_left_out_of_the_mean_of_spectra():
    forecast, observed, valid = random_case(shape=(1, 2, 1, 8, 8))
    valid[:, 1] = False
    both = LOSSES["spectral"](forecast, observed, valid, representation=RADAR)
    assert both.item() == pytest.approx(LOSSES["spectral"](forecast[:, :1], observed[:, :1], valid[:, :1], representation=RADAR).item())


def test_a_spectrum_needs_a_grid():
    with pytest.raises(ValueError, match="3 pixels or more along the longer side, got \\(1, 2\\)"):
        value("spectral", [[0.1, 0.2]], [[0.1, 0.2]])


def test_weighted_sum():
    of = random_case()
    both = weighted_sum({"b-mse": 1.0, "spectral": 0.1})(*of, representation=RADAR)
    one, other = (LOSSES[name](*of, representation=RADAR) for name in ("b-mse", "spectral"))
    assert both.item() == pytest.approx((one + 0.1 * other).item())
    assert weighted_sum({"mse": 1})(*of, representation=RADAR).item() == LOSSES["mse"](*of, representation=RADAR).item()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "one or more losses out of b-mae, .*; got none"),
        ({"mse": 1, "psnr": 1}, "out of b-mae, .*; got psnr"),
        ({"mse": 0.0}, "a weight above 0 for the loss mse, got 0.0"),
        ({"mse": NAN}, "a weight above 0 for the loss mse, got nan"),
        ({"cross-entropy": 1.0, "spectral": 0.1}, "takes logits"),
    ],
)
def test_weights_that_make_no_loss_are_refused(weights, message):
    with pytest.raises(MethodError, match=message):
        weighted_sum(weights)
