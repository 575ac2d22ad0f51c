"""Which combinations are measured."""

import pytest

from stormcell.benchmark.costs import choice
from stormcell.benchmark.costs.choice import Combination, chosen
from stormcell.benchmark.costs.domain import scans_for
from stormcell.errors import MethodError, MissingExtraError, StormcellError
from stormcell.methods import METHODS


def test_small_domains_first_and_runtimes_for_networks_alone():
    some = chosen("advection, guided", "64x80,32X40", "torch")
    assert list(some.combinations()) == [
        Combination("advection", (32, 40), "-"),
        Combination("guided", (32, 40), "torch"),
        Combination("advection", (64, 80), "-"),
        Combination("guided", (64, 80), "torch"),
    ]
    assert some.options == " --methods advection,guided --sizes 64x80,32X40 --runtimes torch"


def test_all_that_is_here(monkeypatch):
    there = {"pysteps", "onnxscript", "onnxruntime"}
    monkeypatch.setattr(choice, "find_spec", lambda name: name if name in there else None)
    some = chosen()
    assert set(some.runtimes) == {name for name in METHODS if not name.startswith("pysteps")} | {"pysteps-extrapolation"}
    assert some.shapes == [(256, 256), (640, 710), (1536, 1536)] and some.options == ""
    assert some.runtimes["convgru"] == ["torch", "onnxruntime"] and some.runtimes["sprog"] == ["-"]
    monkeypatch.setattr(choice, "find_spec", lambda name: None if name == "pysteps" else name)
    assert "pysteps-extrapolation" not in chosen().runtimes
    assert chosen().runtimes["guided"] == ["torch", "onnxruntime", "openvino", "openvino:int8"]


@pytest.mark.parametrize("sizes", ["64", "64x", "x", "64x-80", "16x64", "99999x99999", "64x64x64", "a x b"])
def test_a_size_that_is_none(sizes):
    with pytest.raises(StormcellError, match="expected rows x columns"):
        chosen(sizes=sizes)


def test_unknown_names():
    with pytest.raises(MethodError, match="unknown method 'magic'"):
        chosen("magic")
    with pytest.raises(MethodError, match="unknown runtime 'magic'"):
        chosen(runtimes="magic")
    with pytest.raises(MethodError, match="not in 'int4'"):
        chosen(runtimes="torch:int4")


def test_a_runtime_that_is_not_installed(monkeypatch):
    from stormcell.runtimes import runtime

    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install"):
        chosen(runtimes="openvino")


def test_a_domain_is_mirrored_until_it_is_full():
    small, large = scans_for((40, 50), 2), scans_for((710, 800), 2)
    assert small.shape == (2, 40, 50) and large.shape == (2, 710, 800) and not large.isnull().any()
    values = large.values
    assert (values[:, :40, :50] == small.values).all()
    assert (values[:, 352:704] == values[:, 351::-1]).all() and (values[:, :, 704:] == values[:, :, :96]).all()
    assert 0.05 < (values > 0).mean() < 0.95
