import numpy as np
import pytest

from stormcell.errors import FramesError
from stormcell.frames import check_forecast, check_frames, grid_of, make_forecast, make_frames
from stormcell.timeline import minutes
from tests.conftest import frames_of, stamps

ONES = np.ones((3, 4), np.float32)


def test_frames_carry_their_labels(grid):
    frames = make_frames(ONES, stamps(0), grid, source="a radar")
    assert frames.dims == ("time", "y", "x") and frames.dtype == np.float32 and frames.name == "rainfall_rate"
    assert frames.attrs["units"] == "mm h-1" and frames.attrs["source"] == "a radar"
    assert grid_of(frames).same_as(grid)
    assert frames.coords["spatial_ref"].attrs["crs_wkt"] == frames.coords["spatial_ref"].attrs["spatial_ref"]


def test_parts_that_do_not_fit_are_refused(grid):
    with pytest.raises(FramesError, match="do not fit"):
        make_frames(ONES, stamps(0, 5), grid)
    with pytest.raises(FramesError, match="do not fit"):
        make_frames(ONES[:, :3], stamps(0), grid)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: f.transpose("y", "time", "x"), "dims"),
        (lambda f: f.isel(time=[0, 2, 1]), "rising"),
        (lambda f: f.isel(time=[0, 0, 1]), "rising"),
        (lambda f: f.isel(time=[2, 1, 0]), "rising"),
        (lambda f: f.isel(time=slice(0, 0)), "at least one"),
        (lambda f: f.astype(np.float64), "float32"),
        (lambda f: f.assign_attrs(units="dBZ"), "units"),
        (lambda f: (f - 2).assign_attrs(f.attrs), "0 or more"),
        (lambda f: f.drop_vars("spatial_ref"), "spatial_ref"),
    ],
)
def test_each_sentence_of_the_contract_is_held(spoil, says):
    frames = frames_of(np.ones((3, 3, 4)))
    with pytest.raises(FramesError, match=says):
        check_frames(spoil(frames))


def test_forecast_labels():
    past = frames_of(np.ones((2, 3, 4)))
    forecast = make_forecast(np.ones((1, 2, 3, 4)), past, minutes(5, 10, step=5), method="m")
    assert forecast.dims == ("member", "lead_time", "y", "x")
    assert forecast["forecast_reference_time"].values == past["time"].values[-1]
    assert (forecast["time"].values == stamps(10, 15)).all()
    with pytest.raises(FramesError, match="do not fit"):
        make_forecast(np.ones((1, 3, 3, 4)), past, minutes(5, 10, step=5), method="m")
    with pytest.raises(FramesError, match="rising lead times"):
        make_forecast(np.ones((1, 2, 3, 4)), past, minutes(0, 5, step=5), method="m")
    with pytest.raises(FramesError, match="at least one value"):
        make_forecast(np.ones((0, 2, 3, 4)), past, minutes(5, 10, step=5), method="m")
    with pytest.raises(FramesError, match="forecast_reference_time"):
        check_forecast(forecast.drop_vars("forecast_reference_time"))
    with pytest.raises(FramesError, match="dims"):
        check_forecast(past)
