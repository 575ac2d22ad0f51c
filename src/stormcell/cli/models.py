"""`stormcell models`: the trained models, cells and networks there are, and what they cost."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["models"]

models = typer.Typer(help="The trained models, cells and networks there are, and what they cost.", no_args_is_help=True)


@models.command("list")
def list_models(
    grid: Annotated[str, typer.Option(help="Rows x columns of the images.")] = "64x64",
    length: Annotated[int, typer.Option(min=2, help="Steps of a sequence; networks see the first half and forecast the second.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """List the trained models that ship, and every cell and named network: parameters, operations a step, memory to train on a sequence."""
    import json

    from stormcell.errors import StormcellError

    match = re.fullmatch(r"(\d+)\s*x\s*(\d+)", grid)
    if match is None or min(int(match[1]), int(match[2])) < 1:
        raise StormcellError(f"--grid {grid}: expected rows x columns, such as 480x480")
    size = (int(match[1]), int(match[2]))
    trained, rows = _trained(), _cell_rows(size, length) + _network_rows(size, length)
    if as_json:
        print(json.dumps([*trained, *rows], indent=2))
        return
    print(
        "Trained models, for --method; stormcell models info NAME tells more." if trained else "No trained model ships with this version."
    )
    for model in trained:
        print(f"{model['name']:<26}{model['parameters']:>14,}  {model['network']}, {_frames(model)}")
    print()
    print(f"One sequence of {length} steps on {match[1]} x {match[2]} pixels, float32; cells have 64 channels, as their input has.\n")
    print(f"{'':<26}{'parameters':>14}{'MFLOP a step':>14}{'MB to train':>13}")
    for row in rows:
        if "not possible" in row:
            print(f"{row['name']:<26}  {row['not possible']}")
        else:
            print(f"{row['name']:<26}{row['parameters']:>14,}{row['mflop_per_step']:>14,.2f}{row['training_mb']:>13,.1f}")


@models.command("info")
def info(
    model: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A trained model that ships, or the folder of a checkpoint.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Load a trained model and print what it is: network, scale, time step, pixel, data, training, scores."""
    import json

    from stormcell.methods.shipped import model_folder

    facts = _facts(model_folder(model))
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    scale = facts["representation"]
    lines = {
        "folder": facts["folder"],
        "network": f"{facts['network']}, {facts['parameters']:,} weights, fingerprint {facts['fingerprint']}",
        "settings": _words(facts["settings"]) or "the network's own",
        "frames": _frames(facts),
        "numbers": "grey values from 0 to 1"
        if scale["quantity"] == "grey"
        else f"reflectivity from {scale['low_dbz']:g} to {scale['high_dbz']:g} dBZ, Z = {scale['a']:g} R^{scale['b']:g}, "
        f"dry below {scale['dry_below']:g} mm/h",
        **{part: _words(facts[part]) or "nothing is said" for part in ("data", "training", "scores")},
    }
    for name, text in lines.items():
        print(f"{name:<9} {text}")


def _facts(folder: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, once it has proved to be one."""
    from dataclasses import asdict

    from stormcell.networks.checkpoint import fingerprint_of, load_checkpoint

    network, config = load_checkpoint(folder)
    parameters = sum(weight.numel() for weight in network.parameters())
    return {"folder": str(folder), "fingerprint": fingerprint_of(folder), "parameters": parameters, **asdict(config)}


def _frames(facts: dict[str, Any]) -> str:
    rhythm = f"every {facts['step_minutes']:g} min, pixels of {facts['pixel_km']:g} km"
    return f"{facts['past_steps']} in, {facts['future_steps']} out, {rhythm}"


def _words(content: dict[str, Any]) -> str:
    """A dict in one line, what is nested in brackets."""

    def said(value: object) -> str:
        if isinstance(value, dict):
            return f"({_words(value)})"
        if isinstance(value, list):
            return " ".join(map(said, value))
        return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())

    return ", ".join(f"{name} {said(value)}" for name, value in content.items())


def _trained() -> list[dict[str, Any]]:
    from stormcell.methods.shipped import shipped_models

    return [{"name": name, "kind": "trained model", **_facts(folder)} for name, folder in shipped_models().items()]


def _cell_rows(grid: tuple[int, int], length: int) -> list[dict[str, str | int | float]]:
    import torch
    from torch import Tensor, nn

    from stormcell.cells import CELLS, IMAGE_CELLS
    from stormcell.cells.cell import unroll

    def run(cell: nn.Module, shape: tuple[int, ...]) -> Tensor:
        return unroll(cell, torch.empty(1, length, 64, *shape))[0]  # type: ignore[arg-type]

    return [
        _row(name, "cell", length, partial(build, 64, 64), partial(run, shape=grid if name in IMAGE_CELLS else ()))
        for name, build in CELLS.items()
    ]


def _network_rows(grid: tuple[int, int], length: int) -> list[dict[str, str | int | float]]:
    import torch
    from torch import Tensor, nn

    from stormcell.networks import NETWORKS

    def run(network: nn.Module) -> Tensor:
        forecast: Tensor = network(torch.empty(1, length - length // 2, 1, *grid), length // 2)
        return forecast

    return [_row(name, "network", length, build, run) for name, build in NETWORKS.items()]


def _row(name: str, kind: str, length: int, build: Callable[[], Any], run: Callable[[Any], Any]) -> dict[str, str | int | float]:
    from stormcell.networks.cost import cost_of

    try:
        cost = cost_of(build, run)
    except (ValueError, RuntimeError) as error:
        return {"name": name, "kind": kind, "not possible": f"not on this grid: {' '.join(str(error).split())[:80]}"}
    return {
        "name": name,
        "kind": kind,
        "parameters": cost.parameters,
        "mflop_per_step": round(cost.flops / length / 1e6, 3),
        "training_mb": round(cost.training_bytes / 1e6, 3),
    }


@models.command("export")
def export(
    model: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A trained model that ships, or the folder of a checkpoint.")],
    to: Annotated[str, typer.Option("--to", help="onnx, openvino or torch-export.")],
    folder: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Where; NAME-FORMAT here if left out.")] = None,
    int8: Annotated[str | None, typer.Option(metavar="static|dynamic", help="Numbers of 8 bits, for onnx and openvino.")] = None,
    calibrate: Annotated[
        list[str] | None, typer.Option(metavar="INPUT", help="Radar data to calibrate static int8 with, beside the demo storm.")
    ] = None,
) -> None:
    """Write a trained network as an encoder step and a forecaster step, and check them against the original on the demo storm."""
    from stormcell.cli.terminal import progress_and_warnings, say_written
    from stormcell.methods.export import export_model

    with progress_and_warnings():
        made, difference = export_model(model, to, folder, int8=int8, calibrate=calibrate or ())
        say_written(sorted(made.iterdir()))
        print(f"check     {difference}")
