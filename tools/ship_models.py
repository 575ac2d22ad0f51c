"""Put the best weights of the runs in `runs/` into the package, in half precision, as `make ship-models` does.

A network's calibration is learnt of the weights that ship, so `make bench-radar` comes after it.
"""

from dataclasses import replace
from pathlib import Path

import torch

from stormcell.networks.checkpoint import load_checkpoint, save_checkpoint

RUNS, MODELS = Path("runs"), Path("src/stormcell/models")
NAMES = ("convgru", "convlstm", "predrnn", "trajgru")
MEGABYTES = 8.0
LICENCE = "not stated with the files; research use, with citation"


def main() -> None:
    """Ship those that are trained.

    Raises:
        SystemExit: together they are larger than a package should be.
    """
    for name in NAMES:
        if (RUNS / name / "best").is_dir():
            network, config = load_checkpoint(RUNS / name / "best")
            config = replace(config, data={**config.data, "licence": config.data.get("licence", LICENCE)})
            (MODELS / name / "calibration.json").unlink(missing_ok=True)  # it is of other weights
            save_checkpoint(MODELS / name, network, config, title=f"{name}: rain over the Trentino", weights=torch.float16)
            print(f"wrote {MODELS / name}")
    size = sum(path.stat().st_size for path in MODELS.rglob("*.safetensors")) / 1e6
    print(f"{size:.1f} MB of weights")
    if size > MEGABYTES:
        raise SystemExit(f"expected at most {MEGABYTES:g} MB of weights in the package: take a model out, or train smaller ones")


if __name__ == "__main__":
    main()
