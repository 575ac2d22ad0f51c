"""Write docs/benchmarks/radar.md: trained networks beside ROVER on radar they have not seen, as `make bench-radar` does.

After table 2 of Shi et al. (2015) and the table of the HKO-7 benchmark. It takes the networks of `experiments/radar` that ship with the
package, and of the others the runs in `runs/`; it may be stopped at any time, and goes on where it was.
"""

from functools import partial
from pathlib import Path

import xarray as xr
from radar_pictures import draw_curves, draw_storm

from stormcell.benchmark.calibrate import calibrate
from stormcell.benchmark.results import Results
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.cli.terminal import progress_and_warnings
from stormcell.config import read_experiment
from stormcell.methods import Advection, Learned, Method, Persistence
from stormcell.methods.calibrated import Calibrated, identity_of, uncalibrated
from stormcell.methods.calibration import Calibration
from stormcell.methods.calibration_file import write_calibration
from stormcell.methods.shipped import shipped_models
from stormcell.motion import ArctanTransform, LinearTransform, rover
from stormcell.networks.checkpoint import load_checkpoint, read_config
from stormcell.verification.contingency import Contingency
from stormcell.verification.continuous import Continuous
from stormcell.verification.hko7 import HKO7
from stormcell.verification.score import Score
from stormcell.verification.significance import paired_difference

TRAIN, VALIDATION = "archives/taasrad19-train.zarr", "archives/taasrad19-validation.zarr"
RUNS, EXPERIMENTS = Path("runs"), Path("experiments/radar")
RESULTS, CALIBRATIONS, PAGE = Path("benchmark-results/radar"), Path("benchmark-results/radar-calibration"), Path("docs/benchmarks/radar.md")
THRESHOLDS = (0.5, 2.0, 5.0, 10.0, 30.0)
MATCHED = "-matched"
HEAD = """# Networks beside ROVER on radar they have not seen

Written by `make bench-radar`, which is `stormcell verify` on the validation runs of TAASRAD19 (Trentino, 64x64 pixels of 3.75 km, every 5
minutes), {cases} issue times an hour apart on {days} days, wet and dry, 5 frames in and 15 out. The networks were trained by
`stormcell train` on the training runs alone; not even the choice of the best weights saw these days. Counts and sums are added up over all
cases for each lead time; the numbers are means over the 15 lead times. An event is a rain rate at or above the threshold.

Rover 1, 2 and 3 are the variants of Shi et al. (2015), which differ in the flows they average; each with the arctangent of reflectivity
(non-linear) and without it (linear), as in Shi et al. (2017).

A network that makes squared errors small says the mean of what may come, and a mean reaches a threshold less often than the rain does. So
each method is shown twice: as it is, and *matched*, its rain rates mapped for each lead time to those that fell as often on the training
days (`stormcell calibrate --kind quantile`, a case every 6 hours). The networks that ship are matched; `Learned(..., calibrated=False)` is
the network as it is.

As it is, a network drizzles over wide areas: its scale begins at 7 dBZ, and 0.1 mm/h lies just above, so there is no gap between dry and
drizzle for a smooth forecast to fall into. Squared errors of reflectivity (B-MSE) count each such pixel as one of a fine rain where none
fell, which is why they are three to five times as large in the rows that are not matched. Matching takes the drizzle out.
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
            found[name] = shipped.get(name, folder)
    return found


def matched(name: str, method: Method, folder: Path | None) -> Method:
    """The method with its rain rates matched to the training days; the calibration of a network is put into its folder."""
    settings = Settings({name: uncalibrated(method)}, lead="75min", every="6h", past=5)
    identity = identity_of(str(folder)) if folder else name
    learnt: Calibration = calibrate(TRAIN, CALIBRATIONS / name, settings, identity=identity, kind="quantile", workers=2)
    if folder is None:
        return Calibrated(method, learnt)
    write_calibration(learnt, folder)
    return Learned(folder)


def means(sums: xr.DataArray, score: Score) -> xr.Dataset:
    """Scores of all cases, then their mean over lead times: (method, ...)."""
    return score.value(sums.sum("case", skipna=False)).mean("lead_time")


def table_2(results: Results, methods: list[str]) -> list[str]:
    """Rainfall-MSE, CSI, FAR, POD and correlation at 0.5 mm/h."""
    counts = means(results.daily("contingency").sums, results.family("contingency")).sel(threshold=0.5)
    errors = means(results.daily("continuous").sums, results.family("continuous"))
    lines = ["| method | Rainfall-MSE | CSI | FAR | POD | bias | correlation |", "|---" * 7 + "|"]
    for method in methods:
        numbers = [errors["rainfall_mse"], *(counts[name] for name in ("csi", "far", "pod", "bias")), errors["correlation"]]
        lines.append(f"| {method} | " + " | ".join(f"{float(number.sel({'method': method})):.3f}" for number in numbers) + " |")
    return lines


def hko7_table(results: Results, methods: list[str]) -> list[str]:
    """CSI and HSS at five thresholds, B-MSE and B-MAE."""
    values = means(results.daily("hko7").sums, results.family("hko7"))
    head = " | ".join([f"CSI {level:g}" for level in THRESHOLDS] + [f"HSS {level:g}" for level in THRESHOLDS])
    lines = [f"| method | {head} | B-MSE | B-MAE |", "|---" * 13 + "|"]
    for method in methods:
        of = values.sel({"method": method})
        numbers = [f"{float(of[name].sel(threshold=level)):.3f}" for name in ("csi", "hss") for level in THRESHOLDS]
        lines.append(f"| {method} | " + " | ".join([*numbers, f"{float(of['b_mse']):.1f}", f"{float(of['b_mae']):.1f}"]) + " |")
    return lines


def best_rover(results: Results, ending: str) -> str:
    """The variant with the highest mean CSI at 0.5 mm/h."""
    counts = means(results.daily("contingency").sums, results.family("contingency"))["csi"].sel(threshold=0.5)
    return str(max((name + ending for name in rovers()), key=lambda name: float(counts.sel({"method": name}))))


def differences(results: Results, names: list[str], reference: str) -> list[str]:
    """Mean CSI of each network minus that of the reference, with intervals from drawing the days again."""
    daily = results.daily("contingency").sums

    def mean_csi(sums: xr.DataArray) -> xr.Dataset:
        return results.family("contingency").value(sums)[["csi"]].mean("lead_time")

    lines = [f"| network | {' | '.join(f'{level:g} mm/h' for level in THRESHOLDS)} |", "|---" * 6 + "|"]
    for name in names:
        found = paired_difference(daily, mean_csi, name, reference).interval["csi"]
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
    """Run the hindcasts, or go on with them, and write the page."""
    folders = networks()
    plain: dict[str, Method] = {"persistence": Persistence(), **rovers()}
    plain |= {name: Learned(folder, calibrated=False) for name, folder in folders.items()}
    scores: dict[str, Score] = {"contingency": Contingency(THRESHOLDS), "continuous": Continuous(), "hko7": HKO7()}
    with progress_and_warnings():
        both = plain | {name + MATCHED: matched(name, method, folders.get(name)) for name, method in plain.items()}
        results = verify(VALIDATION, RESULTS, Settings(both, scores, lead="75min", every="60min", past=5), workers=2)
    pooled = results.daily("contingency")
    licence = {str(read_config(folder).data.get("source", "")) for folder in folders.values()}
    text = [HEAD.format(cases=pooled.cases, days=pooled.sums.sizes["case"])]
    for title, ending in (("As they are", ""), ("Matched", MATCHED)):
        names = [name + ending for name in plain]
        reference = best_rover(results, ending)
        text += [
            f"## {title}\n\nAfter table 2 of Shi et al. (2015), at 0.5 mm/h:\n",
            *table_2(results, names),
            "\nAfter the HKO-7 benchmark:\n",
            *hko7_table(results, names),
            f"\nMean CSI of the networks minus that of {reference}, the best ROVER at 0.5 mm/h; in brackets the 95 % interval from drawing",
            f"the {pooled.sums.sizes['case']} days again and again:\n",
            *differences(results, [name + ending for name in folders], reference),
            "",
        ]
    text += [
        "## What the networks cost\n",
        "One core each. Experiments are in `experiments/radar`; the best weights have the lowest loss on held-out training days.\n",
        *budgets(folders),
        "\n![Loss of training and validation over the windows seen](radar-curves.png)\n",
        "## The wettest hour\n",
        "What was observed, and what the best ROVER and the networks, matched, had forecast. [The same, moving](radar-storm.gif).\n",
        "![Observed rain and forecasts 5 to 75 minutes ahead](radar-storm.png)",
        f"\nData: {'; '.join(sorted(licence))}.",
    ]
    runs = {name: RUNS / name for name in folders if (RUNS / name / "curves.csv").is_file()}
    if runs:
        draw_curves(runs, PAGE.with_name("radar-curves.png"))
    shown = {name: both[name + MATCHED] for name in (best_rover(results, MATCHED).removesuffix(MATCHED), *folders)}
    draw_storm(VALIDATION, shown, PAGE.with_name("radar-storm.png"), PAGE.with_name("radar-storm.gif"))
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
