"""`stormcell nowcast`: radar files in, forecast out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stormcell.cli.uncollected import uncollected

if TYPE_CHECKING:
    import xarray as xr

    from stormcell.cli.trace import Trace
    from stormcell.methods import Method

__all__ = ["nowcast"]


@uncollected()
def nowcast(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Radar files, folders, globs, a Zarr archive, or a feed: source:mrms, source:FEED.toml."),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the forecast to this CF NetCDF file.")] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="guided, sprog, advection, rover, persistence; ensembles: guided, steps; ... A folder, or a field: guided:mean.",
        ),
    ] = "guided",
    lead: Annotated[str, typer.Option(help="How far ahead: 120min, 2h, 1h30min.")] = "120min",
    members: Annotated[int, typer.Option(min=1, help="Size of the ensemble, for methods that make one.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="Makes an ensemble repeatable.")] = None,
    past: Annotated[int | None, typer.Option(min=2, help="How many past scans to use; the method's own choice if left out.")] = None,
    probability: Annotated[str, typer.Option(metavar="MM/H,...", help="Probabilities to reach these rain rates: 1,5,10.")] = "",
    neighbourhood: Annotated[
        float | None, typer.Option(metavar="KM", help="Also within this radius, at the same rain rates; needs --probability.")
    ] = None,
    quantiles: Annotated[str, typer.Option(metavar="Q,...", help="Quantiles over the members: 0.1,0.5,0.9.")] = "",
    mean: Annotated[bool, typer.Option("--mean", help="The ensemble mean.")] = False,
    matched_mean: Annotated[bool, typer.Option("--matched-mean", help="The probability-matched mean.")] = False,
    onset: Annotated[float | None, typer.Option(metavar="MM/H", help="Minutes until rain of this rate starts, and ends.")] = None,
    products_only: Annotated[bool, typer.Option("--products-only", help="Leave the members out of the NetCDF file.")] = False,
    gif: Annotated[Path | None, typer.Option(help="Write an animation, observed then forecast.")] = None,
    mp4: Annotated[Path | None, typer.Option(help="Write a video (needs the extra 'video').")] = None,
    png: Annotated[Path | None, typer.Option(metavar="DIR", help="Write a picture of each frame into this folder.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="DIR", help="Write a page with a time slider into this folder.")] = None,
    cog: Annotated[Path | None, typer.Option(metavar="DIR", help="Write a Cloud-Optimized GeoTIFF per lead time into this folder.")] = None,
    zr: Annotated[str | None, typer.Option(help="Z-R rule for reflectivity: marshall-palmer, hko-7, fmi, or a,b of your own.")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out files that cannot be read, and say so.")] = False,
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Decode in a process of its own with limits: for files of strangers.")
    ] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Print what happens to the data at each stop.")] = False,
    bbox: Annotated[str | None, typer.Option(metavar="W,S,E,N", help="Only this box, in degrees.")] = None,
    runtime: Annotated[
        str | None, typer.Option(help="What a network runs in: torch, onnxruntime, openvino; a precision may follow: openvino:int8.")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Calibrate the forecast; see 'stormcell calibrate'.")] = None,
) -> None:
    """Forecast the rain that follows these radar images."""
    import warnings
    from dataclasses import replace
    from functools import partial

    from stormcell.cli.terminal import progress_and_warnings
    from stormcell.cli.trace import Trace
    from stormcell.data.cut_out import parse_bbox
    from stormcell.data.read import read
    from stormcell.data.sources import bring_inputs
    from stormcell.errors import StormcellError
    from stormcell.frames import check_frames
    from stormcell.methods import Advection, method_named
    from stormcell.methods.in_runtime import in_runtime
    from stormcell.methods.nowcast import nowcast as make_nowcast
    from stormcell.methods.scans import scans_for
    from stormcell.products.ensemble.dataset import ensemble_products
    from stormcell.units import parse_zr_rule

    if not any((output, gif, mp4, png, html, cog)):
        raise StormcellError("nothing to write: give -o FILE.nc, --gif FILE, --mp4 FILE, --png, --html or --cog FOLDER")
    box = parse_bbox(bbox) if bbox else None
    forecaster = _calibrated(method, calibration) if calibration else method_named(method)
    forecaster = in_runtime(forecaster, runtime) if runtime else forecaster
    steps = past or partial(scans_for, forecaster)
    brought, about = bring_inputs(inputs, steps)
    _check_outputs(brought, {".nc": output, ".gif": gif, ".mp4": mp4}, [png, html, cog])
    asked = {
        "probability": _numbers("--probability", probability),
        "neighbourhood_km": neighbourhood,
        "quantiles": _numbers("--quantiles", quantiles),
        "mean": mean,
        "matched_mean": matched_mean,
        "onset": onset,
    }
    _check_products(asked, products_only, output)
    rule = parse_zr_rule(zr) if zr else None
    stop = Trace(trace)
    with progress_and_warnings():
        frames = stop(read, brought, zr=rule, last=steps, bbox=box, skip_bad=skip_bad, isolated=isolated).assign_attrs(about)
        stop(check_frames, frames)
        if rule and "zr_rule" not in frames.attrs:
            warnings.warn(f"--zr {zr} has no effect: these files hold rain, not reflectivity", UserWarning, stacklevel=1)
        if isinstance(forecaster, Advection):
            forecaster = replace(forecaster, estimate=stop.around(forecaster.estimate), past_steps=frames.sizes["time"])
        forecast = stop(make_nowcast, frames, method=forecaster, lead=lead, members=members, seed=seed)
        products = stop(ensemble_products, forecast, past=frames, **asked) if _any(asked) else None
        _say(frames, forecast)
        _write_files(stop, forecast, products, output, cog, products_only=products_only)
        _write_pictures(stop, frames, forecast, products, list(filter(None, (gif, mp4))), png, html)


def _calibrated(method: str, folder: Path) -> "Method":
    from stormcell.methods.calibrated import calibrated_named  # slow to import

    return calibrated_named(method, folder)


def _write_files(
    stop: "Trace", forecast: "xr.DataArray", products: "xr.Dataset | None", output: Path | None, cog: Path | None, *, products_only: bool
) -> None:
    """What is for programs: NetCDF and GeoTIFF."""
    from stormcell.cli.terminal import say_written
    from stormcell.products.cog import write_geotiffs
    from stormcell.products.netcdf import write_netcdf, write_products

    if output and products_only:
        stop(write_products, products, output)
    elif output:
        stop(write_netcdf, forecast, output, products=products)
    if output:
        say_written([output])
    if cog:
        say_written(stop(write_geotiffs, forecast, cog))


def _write_pictures(
    stop: "Trace",
    frames: "xr.DataArray",
    forecast: "xr.DataArray",
    products: "xr.Dataset | None",
    animations: list[Path],
    png: Path | None,
    html: Path | None,
) -> None:
    """What is for people: animations, one more for each product over lead time, pictures and the page."""
    from stormcell.cli.terminal import say_written
    from stormcell.products.images import write_animation, write_pngs
    from stormcell.products.page import write_page
    from stormcell.products.pictures.layers import layers_of

    for animation in animations:
        stop(write_animation, frames, forecast, animation)
        say_written([animation])
        for layer in layers_of(products):
            if layer.over_lead_times:
                beside = animation.with_name(f"{animation.stem}_{layer.name}{animation.suffix}")
                stop(write_animation, frames, forecast, beside, layer=layer)
                say_written([beside])
    if png:
        say_written(stop(write_pngs, frames, forecast, png, products=products))
    if html:
        say_written([stop(write_page, frames, forecast, html, products=products)])


def _numbers(option: str, text: str) -> tuple[float, ...]:
    """The numbers in "1,5,10", in rising order."""
    from stormcell.errors import StormcellError

    try:
        return tuple(sorted(float(word) for word in text.split(","))) if text else ()
    except ValueError:
        raise StormcellError(f"{option} {text!r} is not understood: expected numbers with commas between them, such as 0.5,1,5") from None


def _any(asked: dict[str, Any]) -> bool:
    """Whether a product of the ensemble is asked for."""
    return any(value is not None and value is not False and value != () for value in asked.values())


def _check_products(asked: dict[str, Any], products_only: bool, output: Path | None) -> None:
    """Refuse before the forecast what could not be made after it."""
    from stormcell.errors import StormcellError
    from stormcell.products.ensemble.members import check_levels, check_thresholds

    for thresholds in (asked["probability"], () if asked["onset"] is None else [asked["onset"]]):
        if thresholds:
            check_thresholds(thresholds)
    if asked["quantiles"]:
        check_levels(asked["quantiles"])
    if asked["neighbourhood_km"] is not None and not asked["probability"]:
        raise StormcellError(f"--neighbourhood {asked['neighbourhood_km']:g}: expected --probability with it, such as --probability 1,5,10")
    if products_only and not (output and _any(asked)):
        raise StormcellError("--products-only: expected -o FILE.nc and a product, such as --probability 1,5,10")


def _check_outputs(inputs: "list[str | Path]", outputs: dict[str, Path | None], output_folders: list[Path | None]) -> None:
    """Refuse to write over the input, or beside it, where the next run would take the output for radar data."""
    from stormcell.data.read import find_files
    from stormcell.errors import StormcellError

    files = {path.resolve() for path in find_files(inputs)}
    folders = {Path(item).resolve() for item in inputs if Path(item).is_dir()}
    for suffix, path in outputs.items():
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            raise StormcellError(f"{path}: expected a name that ends in {suffix}")
        if path.resolve() in files:
            raise StormcellError(f"{path}: is one of the input files; choose another name for the output")
        output_folders = [*output_folders, path.parent]
    for folder in filter(None, output_folders):
        if folder.resolve() in folders:
            raise StormcellError(f"{folder}: is an input folder, where the next run would take the output for radar data; choose another")


def _say(frames: "xr.DataArray", forecast: "xr.DataArray") -> None:
    """Two lines: what went in, what came out."""
    import pandas as pd

    from stormcell.frames import grid_of, step_of
    from stormcell.timeline import gaps_of

    first, last = (pd.Timestamp(frames["time"].values[index]) for index in (0, -1))
    ends = pd.Timestamp(forecast["time"].values[-1])
    grid, gaps = grid_of(frames), gaps_of(frames)
    missing = f", {gaps} missing" if gaps else ""
    every = pd.Timedelta(step_of(frames)).total_seconds() / 60
    print(
        f"past      {frames.sizes['time']} scans{missing}, {first:%Y-%m-%d %H:%M} to {last:%H:%M} UTC, every {every:g} min, "
        f"{grid.shape[0]} x {grid.shape[1]} pixels of {grid.pixel_km:.3g} km"
    )
    crowd = f"{forecast.sizes['member']} members, " if forecast.sizes["member"] > 1 else ""
    print(f"forecast  {forecast.attrs['method']}, {crowd}{forecast.sizes['lead_time']} lead times, to {ends:%Y-%m-%d %H:%M} UTC")
    if "fallback" in forecast.attrs:
        print(f"fallback  {forecast.attrs['fallback']}")
    if "past_frames" in forecast.attrs:
        print(f"known     {forecast.attrs['past_frames']} fields of the past that the network reads")
    if "rolled_on" in forecast.attrs:
        print(f"rolled on {forecast.attrs['rolled_on']}")
