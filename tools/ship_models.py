"""Put the best weights of the runs in `runs/` into the package, in half precision, as `make ship-models` does.

A network's calibration is learnt of the weights that ship, so `make bench-radar` comes after it.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from stormcell.benchmark.nowcast import data_folder
from stormcell.methods.export import export_model
from stormcell.methods.in_runtime import FASTEST
from stormcell.networks.checkpoint import fingerprint_of, load_checkpoint, save_checkpoint

RUNS, MODELS, SKILL = Path("runs"), Path("src/stormcell/models"), Path("benchmark-results/skill")
LEARNED, DEFAULT = ("convgru", "convlstm", "predrnn", "trajgru"), ("guided",)
CALIBRATED_ON = Path("taasrad19/train/taasrad19_2016-04.nc")  # of the test data; a month of training
MEGABYTES = 8.0  # of the learned ones together, and of the default
TITLES = {"guided": "guided: S-PROG mended by a recurrent network"}
LICENCE = "not stated with the files; research use, with citation"


def main() -> None:
    """Ship those that are trained.

    Raises:
        SystemExit: together they are larger than a package should be.
    """
    for name in LEARNED + DEFAULT:
        if (RUNS / name / "best").is_dir():
            network, config = load_checkpoint(RUNS / name / "best")
            config = replace(config, data={**config.data, "licence": config.data.get("licence", LICENCE)})
            if (summary := SKILL / f"summary-{name}.json").is_file():  # of `make bench-skill`: more than its validation tells
                said = json.loads(summary.read_text("utf-8"))
                if said.pop("fingerprint") != fingerprint_of(RUNS / name / "best"):
                    raise SystemExit(f"{summary}: is of other weights than those in {RUNS / name}; run `make bench-skill` first")
                config = replace(config, scores=said)
            before = fingerprint_of(MODELS / name) if (MODELS / name).is_dir() else None
            calibration = MODELS / name / "calibration.json"
            kept = calibration.read_bytes() if calibration.is_file() else b""
            calibration.unlink(missing_ok=True)
            fast = MODELS / name / f"onnx-{FASTEST.partition(':')[2]}"
            shutil.rmtree(fast, ignore_errors=True)
            save_checkpoint(
                MODELS / name, network, config, title=TITLES.get(name, f"{name}: rain over the Trentino"), weights=torch.float16
            )
            if kept and fingerprint_of(MODELS / name) == before:  # it is of these weights
                calibration.write_bytes(kept)
            if name in DEFAULT:
                export_model(name, "onnx", fast, int8="static", calibrate=[str(data_folder(None) / CALIBRATED_ON)])
            print(f"wrote {MODELS / name}")
    for names in (LEARNED, DEFAULT):
        weights = [path for name in names for end in ("safetensors", "onnx") for path in (MODELS / name).rglob(f"*.{end}")]
        size = sum(path.stat().st_size for path in weights) / 1e6
        print(f"{', '.join(names)}: {size:.1f} MB of weights")
        if size > MEGABYTES:
            raise SystemExit(f"expected at most {MEGABYTES:g} MB of weights: take a model out, or train smaller ones")


if __name__ == "__main__":
    main()
