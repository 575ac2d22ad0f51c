import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stormcell.errors import UnitsError
from stormcell.networks.representation import Representation
from stormcell.units import ZR_RULES, reflectivity_from_rain_rate

NAN = float("nan")


def test_by_hand():
    """Z = 100 R^2 from 0 to 40 dBZ: dBZ = 20 + 20 log10 R, x = (1 + log10 R) / 2."""
    scale = Representation(high_dbz=40.0, a=100.0, b=2.0, dry_below=0.1)
    rates = torch.tensor([0.0, 0.05, 0.1, 1.0, 10.0, 1000.0, NAN])
    x = torch.tensor([0.0, 0.0, 0.0, 0.5, 1.0, 1.0, NAN])
    torch.testing.assert_close(scale.forward(rates), x, equal_nan=True)
    assert scale.top == pytest.approx(10.0) and scale.level(1.0) == pytest.approx(0.5) and scale.level(0.01) == 0.0


def test_the_way_back_by_hand():
    scale = Representation(high_dbz=40.0, a=100.0, b=2.0, dry_below=1.0)
    x = torch.tensor([-3.0, 0.0, 0.49, 0.5, 0.75, 1.0, 7.0, NAN])
    rates = torch.tensor([0.0, 0.0, 0.0, 1.0, math.sqrt(10), 10.0, 10.0, NAN])
    torch.testing.assert_close(scale.inverse(x), rates, equal_nan=True)


@pytest.mark.parametrize("rule", ZR_RULES.values(), ids=ZR_RULES)
def test_it_is_the_reflectivity_of_the_units(rule):
    scale, rates = Representation(a=rule.a, b=rule.b, high_dbz=70.0), torch.logspace(-1, 2.2, 50)
    expected = torch.from_numpy(reflectivity_from_rain_rate(rates.numpy(), rule)) / 70
    torch.testing.assert_close(scale.forward(rates), expected, atol=1e-6, rtol=1e-6)


@given(st.floats(0.125, 200.0, width=32))
def test_there_and_back(rate):
    scale = Representation()
    back = scale.inverse(scale.forward(torch.tensor([rate])))
    assert back.item() == pytest.approx(rate, rel=2e-5)
    assert scale.forward(torch.tensor([rate])).item() == pytest.approx(scale.level(rate), abs=1e-6)


def test_the_weakest_rain_survives_and_what_is_below_does_not():
    scale = Representation()
    rates = torch.tensor([scale.dry_below, scale.dry_below * 0.999])
    back = scale.inverse(scale.forward(rates))
    assert back[0] == pytest.approx(0.1, rel=1e-4) and back[1] == 0


def test_grey_images_pass_as_they_are():
    x = torch.tensor([-0.5, 0.0, 0.3, NAN])
    scale = Representation("grey")
    assert scale.forward(x) is x and scale.inverse(x) is x and scale.level(0.05) == 0.05 and scale.top == 1.0


def test_gradients_pass_where_there_is_rain():
    x = torch.tensor([0.0, 0.5, 0.9], requires_grad=True)
    Representation().inverse(x).sum().backward()
    assert x.grad is not None and x.grad[0] == 0 and (x.grad[1:] > 0).all()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"quantity": "snow"}, "expected the quantity reflectivity or grey"),
        ({"a": 0.0}, "above 0"),
        ({"b": NAN}, "finite"),
        ({"low_dbz": 60.0}, "low_dbz below high_dbz"),
        ({"low_dbz": 20.0}, "on the scale from 20 to 60 dBZ"),
        ({"dry_below": 1e6}, "on the scale"),
    ],
)
def test_what_is_no_scale(wrong, says):
    with pytest.raises(UnitsError, match=says):
        Representation(**wrong)
