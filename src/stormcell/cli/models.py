"""`stormcell models`: the cells and networks there are, and what they cost."""

import re
from typing import Annotated

import typer

__all__ = ["models"]

models = typer.Typer(help="The cells and networks there are, and what they cost.", no_args_is_help=True)


@models.command("list")
def list_models(
    grid: Annotated[str, typer.Option(help="Rows x columns of the images.")] = "64x64",
    length: Annotated[int, typer.Option(min=2, help="Steps of a sequence; networks see the first half and forecast the second.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """List every cell and named network: parameters, operations a step, and memory to train on one sequence."""
    import json

    from stormcell.errors import StormcellError

    match = re.fullmatch(r"(\d+)\s*x\s*(\d+)", grid)
    if match is None or min(int(match[1]), int(match[2])) < 1:
        raise StormcellError(f"--grid {grid}: expected rows x columns, such as 480x480")
    rows = _rows((int(match[1]), int(match[2])), length)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"One sequence of {length} steps on {match[1]} x {match[2]} pixels, float32; cells have 64 channels, as their input has.\n")
    print(f"{'':<26}{'parameters':>14}{'MFLOP a step':>14}{'MB to train':>13}")
    for row in rows:
        if "not possible" in row:
            print(f"{row['name']:<26}  {row['not possible']}")
        else:
            print(f"{row['name']:<26}{row['parameters']:>14,}{row['mflop_per_step']:>14,.2f}{row['training_mb']:>13,.1f}")


def _rows(grid: tuple[int, int], length: int) -> list[dict[str, str | int | float]]:
    import torch
    from torch import Tensor, nn

    from stormcell.cells import CELLS, IMAGE_CELLS
    from stormcell.cells.cell import unroll
    from stormcell.networks import NETWORKS
    from stormcell.networks.cost import cost_of

    def row(name: str, build, run) -> dict[str, str | int | float]:  # type: ignore[no-untyped-def]
        try:
            cost = cost_of(build, run)
        except (ValueError, RuntimeError) as error:
            return {"name": name, "not possible": f"not on this grid: {' '.join(str(error).split())[:80]}"}
        return {
            "name": name,
            "parameters": cost.parameters,
            "mflop_per_step": round(cost.flops / length / 1e6, 3),
            "training_mb": round(cost.training_bytes / 1e6, 3),
        }

    def run_cell(cell: nn.Module, shape: tuple[int, ...]) -> Tensor:
        return unroll(cell, torch.empty(1, length, 64, *shape))[0]  # type: ignore[arg-type]

    def run_network(network: nn.Module) -> Tensor:
        forecast: Tensor = network(torch.empty(1, length - length // 2, 1, *grid), length // 2)
        return forecast

    cells = [
        row(name, lambda build=build: build(64, 64), lambda cell, image=name in IMAGE_CELLS: run_cell(cell, grid if image else ()))
        for name, build in CELLS.items()
    ]
    return cells + [row(name, build, run_network) for name, build in NETWORKS.items()]
