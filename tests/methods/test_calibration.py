"""Maps between nodes and lead times, and a file that takes nothing odd."""

import json
from dataclasses import replace

import numpy as np
import pytest

from stormcell.errors import MethodError, ReadError, WriteError
from stormcell.methods.calibration import Calibration, ProbabilityMaps, RainRateMaps
from stormcell.methods.calibration_file import read_calibration, write_calibration

HALVES = ProbabilityMaps((0.5, 5.0), (0.0, 0.5, 1.0), (((0.0, 0.25, 1.0), None), ((0.1, 0.2, 0.6), (0.0, 0.0, 0.4))))
RATES = RainRateMaps((0.1, 1.0, 10.0), ((0.0, 2.0), None))


def of_probabilities(**changes) -> Calibration:
    plain = {"method": "steps", "kind": "isotonic", "members": 4, "lead_minutes": (10.0, 30.0), "maps": HALVES, "cases": 9}
    return Calibration(**(plain | changes))


def of_rain_rates(**changes) -> Calibration:
    return of_probabilities(**({"kind": "quantile", "members": 1, "maps": RATES} | changes))


def test_probabilities_between_nodes_and_lead_times():
    p = np.array([[0.0, 0.25, 1.0], [0.0, 0.5, 1.0]])
    calibrated = of_probabilities().calibrated
    np.testing.assert_allclose(calibrated(p, 10.0), [[0.0, 0.125, 1.0], [0.0, 0.5, 1.0]])
    np.testing.assert_allclose(calibrated(p, 30.0), [[0.1, 0.15, 0.6], [0.0, 0.0, 0.4]])
    np.testing.assert_allclose(calibrated(p, 15.0), [[0.025, 0.13125, 0.9], [0.0, 0.375, 0.85]])
    np.testing.assert_allclose(calibrated(p, 5.0), [[0.0, 0.1875, 1.0], [0.0, 0.5, 1.0]]), "half way from what is known now"


def test_rain_rates_between_and_beyond_nodes():
    x = np.array([0.0, 0.05, 0.55, 1.0, 3.0, np.nan])
    np.testing.assert_allclose(of_rain_rates().calibrated(x, 10.0), [0.0, 0.0, 1.0, 2.0, 6.0, np.nan])
    np.testing.assert_allclose(of_rain_rates().calibrated(x, 30.0), x)
    np.testing.assert_allclose(of_rain_rates().calibrated(x, 20.0), [0.0, 0.025, 0.775, 1.5, 4.5, np.nan])


@pytest.mark.parametrize("minutes", [30.5, 60.0])
def test_beyond_what_was_learnt_is_refused(minutes):
    with pytest.raises(MethodError, match=r"reaches to 30 min, but .* ask for a shorter --lead"):
        of_probabilities().calibrated(np.zeros((2, 1)), minutes)


BAD = {
    "falling curve": lambda: replace(RATES, values=((0.5, 0.4), None)),
    "too many nodes": lambda: replace(RATES, values=((0.0, 0.1, 0.2, 0.3), None)),
    "no node": lambda: replace(RATES, values=((), None)),
    "above 1": lambda: replace(HALVES, values=(((0.0, 0.5, 1.1), None),) * 2),
    "too few nodes": lambda: replace(HALVES, values=(((0.0, 1.0), None),) * 2),
    "one threshold too few": lambda: replace(HALVES, values=((None,), (None,))),
    "probabilities to 0.9": lambda: replace(HALVES, probabilities=(0.0, 0.5, 0.9)),
    "thresholds from 0": lambda: replace(HALVES, thresholds=(0.0, 1.0)),
    "lead times that fall": lambda: of_probabilities(lead_minutes=(30.0, 10.0)),
    "a lead time too many": lambda: of_probabilities(lead_minutes=(10.0, 20.0, 30.0)),
    "another kind": lambda: of_probabilities(kind="quantile"),
    "one member": lambda: of_probabilities(members=1),
    "no case": lambda: of_probabilities(cases=0),
    "not a number": lambda: replace(RATES, values=((0.0, float("nan")), None)),
}


@pytest.mark.parametrize("case", BAD)
def test_numbers_that_no_calibration_has(case):
    with pytest.raises(MethodError, match="^calibration: "):
        BAD[case]()


@pytest.mark.parametrize("calibration", [of_probabilities(data={"lead": "60min"}), of_rain_rates()])
def test_what_is_stored_comes_back(calibration, tmp_path):
    path = write_calibration(calibration, tmp_path / "new")
    assert path == tmp_path / "new" / "calibration.json"
    again = read_calibration(tmp_path / "new")
    assert again == calibration == read_calibration(path) and again.fingerprint == calibration.fingerprint
    assert [one.name for one in path.parent.iterdir()] == ["calibration.json"]
    other = replace(calibration, cases=10)
    assert other.fingerprint != calibration.fingerprint and other.fingerprint in repr(other)
    write_calibration(other, tmp_path / "new")
    assert read_calibration(tmp_path / "new") == other


CHANGES = {
    "unknown key": lambda plain: plain | {"code": "import os"},
    "missing key": lambda plain: {key: value for key, value in plain.items() if key != "cases"},
    "text for a number": lambda plain: plain | {"members": "4"},
    "another format": lambda plain: plain | {"format": 2},
    "unknown kind": lambda plain: plain | {"kind": "magic"},
    "curve above 1": lambda plain: plain | {"maps": plain["maps"] | {"values": [[[0.0, 0.5, 2.0], None]] * 2}},
    "curve too short": lambda plain: plain | {"maps": plain["maps"] | {"values": [[[0.0], None]] * 2}},
    "a list": lambda plain: [plain],
}


@pytest.mark.parametrize("case", CHANGES)
def test_nothing_odd_is_taken(case, tmp_path):
    path = write_calibration(of_probabilities(), tmp_path)
    path.write_text(json.dumps(CHANGES[case](json.loads(path.read_text()))))
    with pytest.raises(ReadError, match=r"calibration\.json: .*calibrate anew$"):
        read_calibration(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"members": NaN}', b"[" * 100_000])
def test_broken_files(content, tmp_path):
    (tmp_path / "calibration.json").write_bytes(content)
    with pytest.raises(ReadError, match="calibrate anew"):
        read_calibration(tmp_path)


def test_no_file_and_a_file_too_large(tmp_path):
    with pytest.raises(ReadError, match="'stormcell calibrate' writes one"):
        read_calibration(tmp_path)
    with (tmp_path / "calibration.json").open("wb") as file:
        file.truncate(2**24 + 1)
    with pytest.raises(ReadError, match="larger than 16 MiB"):
        read_calibration(tmp_path)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(MethodError, match="nothing was written"):
        write_calibration(of_probabilities(data={"share": float("nan")}), tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "calibration.json").mkdir()
    with pytest.raises(WriteError):
        write_calibration(of_probabilities(), tmp_path)
