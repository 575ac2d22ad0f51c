"""Write docs/benchmarks/radar.md: trained networks beside ROVER on radar they have not seen, as `make bench-radar` does.

After table 2 of Shi et al. (2015) and the table of the HKO-7 benchmark. It takes the networks of `experiments/radar` whose runs are in
`runs/`, or else those that ship with the package; it may be stopped at any time, and goes on where it was.
"""

from functools import partial
from pathlib import Path

import xarray as xr

from stormcell.benchmark.results import Results
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.cli.terminal import progress_and_warnings
from stormcell.config import read_experiment
from stormcell.methods import Advection, Method, Persistence
from stormcell.methods.learned import Learned
from stormcell.methods.shipped import shipped_models
from stormcell.motion import ArctanTransform, LinearTransform, rover
from stormcell.networks.checkpoint import load_checkpoint, read_config
from stormcell.verification.contingency import Contingency
from stormcell.verification.continuous import Continuous
from stormcell.verification.hko7 import HKO7
from stormcell.verification.score import Score
from stormcell.verification.significance import paired_difference

ARCHIVE, RUNS, EXPERIMENTS = Path("archives/taasrad19-validation.zarr"), Path("runs"), Path("experiments/radar")
RESULTS, PAGE = Path("benchmark-results/radar"), Path("docs/benchmarks/radar.md")
THRESHOLDS = (0.5, 2.0, 5.0, 10.0, 30.0)
REFERENCE = "rover3-linear"
HEAD = """# Networks beside ROVER on radar they have not seen

Written by `make bench-radar`, which is `stormcell verify` on the validation runs of TAASRAD19 (Trentino, 64x64 pixels of 3.75 km, every 5
minutes), {cases} issue times an hour apart on {days} days, wet and dry, 5 frames in and 15 out. The networks were trained by
`stormcell train` on the training runs alone; not even the choice of the best weights saw these days. Counts and sums are added up over all
cases for each lead time; the numbers are means over the 15 lead times. An event is a rain rate at or above the threshold.

Rover 1, 2 and 3 are the variants of Shi et al. (2015), which differ in the flows they average; each with the arctangent of reflectivity
(non-linear) and without it (linear), as in Shi et al. (2017).
"""


def rovers() -> dict[str, Method]:
    """Rover 1 to 3, non-linear and linear."""
    made: dict[str, Method] = {}
    for variant in (1, 2, 3):
        made[f"rover{variant}"] = Advection(partial(rover, variant=variant), ArctanTransform(), f"rover{variant}", 5)
        linear = partial(rover, variant=variant, transform="linear")
        made[f"rover{variant}-linear"] = Advection(linear, LinearTransform(), f"rover{variant}-linear", 5)
    return made


def networks() -> dict[str, Path]:
    """Name -> model folder."""
    shipped = shipped_models()
    found = {}
    for experiment in sorted(EXPERIMENTS.glob("*.toml")):
        name = read_experiment(experiment).name
        folder = RUNS / name / "best"
        if folder.is_dir() or name in shipped:
            found[name] = folder if folder.is_dir() else shipped[name]
    return found


def means(sums: xr.DataArray, score: Score) -> xr.Dataset:
    """Scores of all cases, then their mean over lead times: (method, ...)."""
    return score.value(sums.sum("case", skipna=False)).mean("lead_time")


def table_2(results: Results) -> list[str]:
    """Rainfall-MSE, CSI, FAR, POD and correlation at 0.5 mm/h."""
    counts = means(results.daily("contingency").sums, results.family("contingency")).sel(threshold=0.5)
    errors = means(results.daily("continuous").sums, results.family("continuous"))
    lines = ["| method | Rainfall-MSE | CSI | FAR | POD | correlation |", "|---|---|---|---|---|---|"]
    for method in counts["method"].values:
        numbers = [errors["rainfall_mse"], counts["csi"], counts["far"], counts["pod"], errors["correlation"]]
        lines.append(f"| {method} | " + " | ".join(f"{float(number.sel(method=method)):.3f}" for number in numbers) + " |")
    return lines


def hko7_table(results: Results) -> list[str]:
    """CSI and HSS at five thresholds, B-MSE and B-MAE."""
    values = means(results.daily("hko7").sums, results.family("hko7"))
    head = " | ".join([f"CSI {level:g}" for level in THRESHOLDS] + [f"HSS {level:g}" for level in THRESHOLDS])
    lines = [f"| method | {head} | B-MSE | B-MAE |", "|---" * 13 + "|"]
    for method in values["method"].values:
        of = values.sel(method=method)
        numbers = [f"{float(of[name].sel(threshold=level)):.3f}" for name in ("csi", "hss") for level in THRESHOLDS]
        lines.append(f"| {method} | " + " | ".join([*numbers, f"{float(of['b_mse']):.1f}", f"{float(of['b_mae']):.1f}"]) + " |")
    return lines


def differences(results: Results, names: list[str]) -> list[str]:
    """Mean CSI of each network minus that of the reference, with intervals from drawing the days again."""
    daily = results.daily("contingency").sums

    def mean_csi(sums: xr.DataArray) -> xr.Dataset:
        return results.family("contingency").value(sums)[["csi"]].mean("lead_time")

    lines = [f"| network | {' | '.join(f'{level:g} mm/h' for level in THRESHOLDS)} |", "|---" * 6 + "|"]
    for name in names:
        found = paired_difference(daily, mean_csi, name, REFERENCE).interval["csi"]
        cells = []
        for level in THRESHOLDS:
            low, middle, high = (float(found.sel(threshold=level, bound=bound)) for bound in ("low", "estimate", "high"))
            cells.append(f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def budgets(folders: dict[str, Path]) -> list[str]:
    """What each network cost."""
    lines = ["| network | parameters | windows seen | processor minutes | best at step |", "|---|---|---|---|---|"]
    for name, folder in folders.items():
        network, config = load_checkpoint(folder)
        how = config.training
        size = sum(weight.numel() for weight in network.parameters())
        lines.append(f"| {name} | {size:,} | {how['windows_seen']:,} | {how.get('processor_minutes', '-')} | {how['steps']:,} |")
    return lines


def main() -> None:
    """Run the hindcast, or go on with it, and write the page."""
    folders = networks()
    methods: dict[str, Method] = {"persistence": Persistence(), **rovers(), **{name: Learned(folder) for name, folder in folders.items()}}
    scores = {"contingency": Contingency(THRESHOLDS), "continuous": Continuous(), "hko7": HKO7()}
    with progress_and_warnings():
        results = verify(str(ARCHIVE), RESULTS, Settings(methods, scores, lead="75min", every="60min", past=5))
    pooled = results.daily("contingency")
    licence = {str(read_config(folder).data.get("source", "")) for folder in folders.values()}
    text = [
        HEAD.format(cases=pooled.cases, days=pooled.sums.sizes["case"]),
        "## After table 2 of Shi et al. (2015), at 0.5 mm/h\n",
        *table_2(results),
        "\n## After the HKO-7 benchmark\n",
        *hko7_table(results),
        f"\n## Mean CSI of the networks minus that of {REFERENCE}\n",
        f"In brackets the 95 % interval from drawing the {pooled.sums.sizes['case']} days again and again.\n",
        *differences(results, list(folders)),
        "\n## What the networks cost\n",
        "One core each. Experiments are in `experiments/radar`; the best weights have the lowest loss on held-out training days.\n",
        *budgets(folders),
        f"\nData: {'; '.join(sorted(licence))}.",
    ]
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
