"""`stormcell demo`: the whole way from radar files to a map, on a storm that the package makes itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["demo"]

_COMPARED = ("persistence", "advection", "rover", "sprog", "guided")


def demo(
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where everything is written.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Another number, another storm.")] = 0,
    trace: Annotated[bool, typer.Option("--trace", help="Print what happens to the data at each stop.")] = False,
) -> None:
    """Make a storm, write it as radar files, forecast it, draw it, and score the forecast against what came."""
    from stormcell.cli.terminal import progress_and_warnings, say_written
    from stormcell.cli.trace import Trace
    from stormcell.data.read import read
    from stormcell.data.readers.odim import write_odim
    from stormcell.data.synthetic import synthetic_storm
    from stormcell.methods.nowcast import nowcast
    from stormcell.products.cog import write_geotiffs
    from stormcell.products.images import write_animation
    from stormcell.products.netcdf import write_netcdf
    from stormcell.products.page import write_page

    stop = Trace(trace)
    past_steps, leads = 6, 12
    with progress_and_warnings():
        storm = stop(synthetic_storm, past_steps + leads, seed=seed)
        say_written(stop(write_odim, storm.isel(time=slice(past_steps)), folder / "radar"))
        past = stop(read, folder / "radar")
        forecast = stop(nowcast, past, lead="60min")
        stop(write_netcdf, forecast, folder / "nowcast.nc")
        say_written([folder / "nowcast.nc"])
        stop(write_animation, past, forecast, folder / "nowcast.gif")
        say_written([folder / "nowcast.gif"])
        say_written([stop(write_page, past, forecast, folder)])
        say_written(stop(write_geotiffs, forecast, folder / "geotiff"))
        truth = storm.isel(time=slice(past_steps, None))
        _say_scores({name: nowcast(past, method=name, lead="60min") for name in _COMPARED}, truth)
    print(f"\nLook at   {folder / 'nowcast.gif'}, or open {folder / 'index.html'} in a browser")
    print("Then try  stormcell nowcast YOUR_FILES -o nowcast.nc --gif nowcast.gif")


def _say_scores(forecasts: "dict[str, xr.DataArray]", truth: "xr.DataArray") -> None:
    """How well each method did: critical success index at 0.5 mm/h against the storm's true future."""
    from stormcell.verification.contingency import Contingency
    from stormcell.verification.score import common_mask

    seen = truth.rename(time="lead_time")
    valid = common_mask(seen, forecasts.values())
    score = Contingency(thresholds=(0.5,))
    print(f"\n{'CSI at 0.5 mm/h after':<22}" + "".join(f"{minutes:>6} min" for minutes in (15, 30, 60)))
    for name, forecast in forecasts.items():
        values = score.value(score.sums(forecast, seen, valid))["csi"].isel(threshold=0)
        print(f"{name:<22}" + "".join(f"{float(values[minutes // 5 - 1]):>10.2f}" for minutes in (15, 30, 60)))
