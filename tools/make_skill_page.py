"""Write docs/benchmarks/skill.md: guided networks beside the classics, at home and away, as `make bench-skill` does.

At home: validation runs of TAASRAD19, which no network saw. Away: events of other radars at 1, 2 and 4 km, each by a model that was
trained without its country, where `runs/` has one. It may be stopped at any time, and goes on where it was.
"""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import xarray as xr
from classical_stack import fitted

from stormcell.benchmark.calibrate import calibrate
from stormcell.benchmark.nowcast import data_folder
from stormcell.benchmark.results import Results
from stormcell.benchmark.run import verify
from stormcell.benchmark.settings import Settings
from stormcell.cli.terminal import progress_and_warnings
from stormcell.data.archive import Archive
from stormcell.data.coarse_graining import coarse_grain
from stormcell.data.read import read
from stormcell.frames import grid_of, make_frames, step_of
from stormcell.methods import GuidedForecast, Method, Persistence, PystepsAnvil, Sprog, Steps
from stormcell.methods.calibrated import Calibrated
from stormcell.methods.guided.fields import Product
from stormcell.networks.checkpoint import fingerprint_of, load_checkpoint
from stormcell.verification import CRPS, FSS, Balanced, Brier, Contingency, Continuous, SpreadError
from stormcell.verification.score import Score
from stormcell.verification.significance import paired_difference

TRAIN, VALIDATION = "archives/taasrad19-train.zarr", "archives/taasrad19-validation.zarr"
RESULTS, PAGE = Path("benchmark-results/skill"), Path("docs/benchmarks/skill.md")
THRESHOLDS = (0.5, 2.0, 5.0, 10.0)
WORKERS = 2
PRODUCTS: tuple[Product, ...] = ("decision", "mean", "median", "balanced-mean", "balanced-median")
FOR_ERRORS = {"rmse": "mean", "mae": "median", "b_mse": "balanced-mean", "b_mae": "balanced-median"}
EVENTS = {
    "knmi_2010-08-26": "knmi",
    "fmi_2016-09-28": "fmi",
    "meteoswiss_2015-05-15": "meteoswiss",
    "meteoswiss_2017-01-31": "meteoswiss",
    "bom_melbourne_2018-06-16": "bom",
}
KM = (1, 2, 4)
STAGES = ("guided-a", "guided-b", "guided-c", "guided-mean", "guided")
STACK, TUNED = "classical-stack", "sprog-tuned"
HEAD = """# Guided networks beside the classics

Written by `make bench-skill`, from trainings of `make train-skill`. Scores are means over lead times to an hour, every 5 minutes (6 in
Melbourne), of forecasts from five scans, at pixels that all methods know. `guided` ships as the default of `stormcell nowcast`.
"""
AT_HOME = """## Home

The validation runs of TAASRAD19, an hour apart, which no network saw. `-tuned`: from which rain rate on an event is said is found on
training days (`stormcell calibrate --kind decision`). `classical-stack`: a logistic regression of S-PROG and ANVIL, with probabilities
to say an event from, both fitted on training days (`tools/classical_stack.py`). ANVIL has five levels and a window of 15, as suits the
grid. In brackets: 95 % of a bootstrap over days.
"""
AWAY = """## Away

Events of other radars, half an hour apart, each by a network that was trained without its country, where `runs/` has one; S-PROG as it is
there. FSS in squares of 8 km. RMSE is the `mean`'s, all else the `decision`'s.
"""
AMOUNT = """## What more training brings

`guided-a`: rain of home as it is. `guided-b` goes on from there with rain made to look like other radars' (gain, noise, coarse numbers,
blind sectors, missing scans), `guided-c` from there with events of other radars among home's. `guided-mean` is the mean of the weights of
the last two, and `guided` goes on from it with fewer of those events. Every second hour.
"""
ENSEMBLE = """## Ensembles

Eight members beside STEPS', the validation runs two hours apart. A ratio of spread to error of 1 is right.
"""
TRIED = """## What was tried on the way

Seen on the same days and events with earlier weights, one run each; what is left is what the tables above show.

- *Where to say an event.* The probability that was best in training, alone, lost 5 mm/h where such rain is rare (Finland) and said too much
  where all of it is heavy. The area of the first guess alone, or the CSI that the probabilities expect alone, lost more at home than they
  gained elsewhere. A mean of the three logits was near the best of them everywhere. Shares learnt at home trusted home too much.
- *Rain of other radars.* Making home's rain look like theirs (`guided-b`) gained at home as well. Mixing their events in (`guided-c`)
  gained on most events of a radar that was left out, and lost a little at home; the mean of both weights kept nearly all of both.
- *Fields for B-MSE and B-MAE.* The mean and the median of reweighted probabilities were no better than S-PROG until rain below the lowest
  level was taken from the last scan: a quarter of all pixels has some, and these errors see it.
- *Members.* Their spread is the width of what the probabilities say. Heavy rain came too seldom by them, even on training days, and spread
  was 0.74 of the error. Drawn from probabilities that are as frequent as the rain of those days (`stormcell.training.member_shift`: logits
  0.16 higher at 10 mm/h, 0.40 at 20) they have the spread above, and fair scores are no worse.
- *Parts*, each changed alone in short trainings ([ablations](ablations.md)): the anchor and S-PROG as first guess are worth most. Without a
  first guess the network needs the moving frame; with one, a frame fixed to the ground was even better at 2 mm/h and more. Cells, scales
  and losses cannot be told apart so early, when the anchor alone is as good as all.
- *What stays at its place.* That a fixed frame was better had two possible reasons. What came was carried back for training, by nearest
  pixels, which blurs it: a loss on the ground, with logits carried there, gained nothing in short trainings. Or something stays where it
  is: an anchor that also sees the last scan where it was measured gained 0.005, 0.006, 0.005 and 0 at 0.5, 2, 5 and 10 mm/h on 400
  validation windows, alone, and 0.002, 0.003, 0.003 and 0.002 below the full network. So the network stays in the moving frame, and the
  anchor sees both.
- *Not tried yet:* the mean of mirrored views of one scene; what was seen at the place in all past scans, not in the last alone (in a short
  trial worth 0.001 at 2 mm/h); ANVIL as a second first guess; noise within the network.
"""

Value = Callable[[xr.DataArray], xr.Dataset]


def classics() -> dict[str, Method]:
    """S-PROG and ANVIL as they are, each tuned as the networks are, and both in a stack."""
    plain: dict[str, Method] = {"sprog": Sprog(), "anvil": PystepsAnvil(cascade_levels=5, window=15)}
    tuned: dict[str, Method] = {}
    for name, method in plain.items():
        settings = Settings({name: method}, lead="60min", every="6h", past=5)
        tuned[f"{name}-tuned"] = Calibrated(
            method, calibrate(TRAIN, RESULTS / f"{name}-decisions", settings, kind="decision", workers=WORKERS)
        )
    return {"persistence": Persistence(), **plain, **tuned, STACK: fitted(TRAIN, RESULTS / "stack.npz")}


def at_home(model: Path) -> Results:
    """All methods on the validation runs, an hour apart."""
    methods = classics() | {f"guided-{product}": GuidedForecast(model, product=product) for product in PRODUCTS}
    scores: dict[str, Score] = {"contingency": Contingency(THRESHOLDS), "continuous": Continuous(), "balanced": Balanced()}
    return verify(
        VALIDATION, RESULTS / f"home-{identity(model)}", Settings(methods, scores, lead="60min", every="60min", past=5), workers=WORKERS
    )


def of_stages(models: Iterable[Path]) -> Results:
    """The decision of networks at several stages of training, at home."""
    methods: dict[str, Method] = {"sprog": Sprog()} | {identity(model): GuidedForecast(model) for model in models}
    settings = Settings(methods, {"contingency": Contingency(THRESHOLDS)}, lead="60min", every="2h", past=5)
    return verify(VALIDATION, RESULTS / "stages", settings, workers=WORKERS)


def ensembles(model: Path) -> Results:
    """Members at home."""
    methods: dict[str, Method] = {"steps": Steps(), "guided": GuidedForecast(model)}
    scores: dict[str, Score] = {"crps": CRPS(), "brier": Brier(THRESHOLDS[:3]), "spread": SpreadError()}
    settings = Settings(methods, scores, lead="60min", every="2h", past=5, members=8)
    return verify(VALIDATION, RESULTS / f"members-{identity(model)}", settings, workers=WORKERS)


def away(event: str, km: int, model: Path) -> Results:
    """S-PROG and the network on an event of another radar, at pixels of about so many kilometres."""
    methods: dict[str, Method] = {"sprog": Sprog()}
    methods |= {f"guided-{product}": GuidedForecast(model, product=product) for product in PRODUCTS}
    side = max(1, round(8 / km))
    scores: dict[str, Score] = {
        "contingency": Contingency(THRESHOLDS[:3]),
        "continuous": Continuous(),
        "fss": FSS(THRESHOLDS[:3], windows=(side + 1 - side % 2,)),
    }
    settings = Settings(methods, scores, lead="60min", every="30min", past=5)
    return verify(coarse_event(event, km), RESULTS / f"away-{event}-{km}km-{identity(model)}", settings, workers=WORKERS)


def coarse_event(event: str, km: int) -> str:
    """An archive of the event with coarser pixels, made once."""
    path = RESULTS / "events" / f"{event}-{km}km.zarr"
    if not path.is_dir():
        frames = read(str(data_folder(None) / "events" / event))
        grid = grid_of(frames)
        factor = max(1, round(km / grid.pixel_km))
        coarse = make_frames(coarse_grain(frames.values, factor), frames["time"].values, grid.coarsen(factor))
        path.parent.mkdir(parents=True, exist_ok=True)
        with Archive.create(path, grid_of(coarse), step_of(coarse), start=coarse["time"].values[0]) as archive:
            archive.append(coarse)
    return str(path)


def identity(model: Path) -> str:
    """A name for the results of these weights."""
    return model.parent.name if model.name == "best" else model.name


def of_mean(name: str, results: Results) -> Value:
    """From sums to scores averaged over lead times."""
    score = results.family(name)
    return lambda sums: score.value(sums).mean("lead_time")


def row(label: str, numbers: Iterable[object], digits: int = 3) -> str:
    """Of a table."""
    return f"| {label} | " + " | ".join(f"{float(number):.{digits}f}" for number in numbers) + " |"  # type: ignore[arg-type]


def home_tables(results: Results) -> list[str]:
    """Scores, and differences from the stack."""
    daily = {name: results.daily(name).sums for name in results.scores}
    values = {name: of_mean(name, results)(sums.sum("case", skipna=False)) for name, sums in daily.items()}
    methods = [str(name) for name in daily["contingency"]["method"].values]
    heads = [f"CSI {t:g}" for t in THRESHOLDS] + [f"bias {t:g}" for t in THRESHOLDS] + ["RMSE", "MAE", "B-MSE", "B-MAE"]
    lines = [f"| method | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for method in methods:
        table, errors, balanced = (values[name].sel({"method": method}) for name in ("contingency", "continuous", "balanced"))
        numbers = [table[name].sel(threshold=t) for name in ("csi", "bias") for t in THRESHOLDS]
        lines.append(row(method, [*numbers, errors["rmse"], errors["mae"], balanced["b_mse"], balanced["b_mae"]]))
    csi = of_mean("contingency", results)
    lines += ["", f"| mean CSI, guided-decision minus | {' | '.join(f'{t:g} mm/h' for t in THRESHOLDS)} |", "|---" * 5 + "|"]
    for reference in (STACK, TUNED, "anvil-tuned", "sprog"):
        found = paired_difference(daily["contingency"], lambda sums: csi(sums)[["csi"]], "guided-decision", reference).interval["csi"]
        cells = []
        for t in THRESHOLDS:
            low, middle, high = (float(found.sel(threshold=t, bound=bound)) for bound in ("low", "estimate", "high"))
            cells.append(f"{middle:+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {reference} | {' | '.join(cells)} |")
    by_lead = results.family("contingency").value(daily["contingency"].sum("case", skipna=False))["csi"]
    leads = [5, 15, 30, 60]
    lines += ["", f"| CSI at | {' | '.join(f'{t:g} mm/h, {lead} min' for t in THRESHOLDS for lead in leads)} |", "|---" * 17 + "|"]
    for method in methods:
        at = [by_lead.sel({"method": method, "threshold": t, "lead_time": np.timedelta64(lead, "m")}) for t in THRESHOLDS for lead in leads]
        lines.append(row(method, at))
    return lines


def error_table(results: Results) -> list[str]:
    """For each error the best of the classics and the field that is meant for it."""
    values = {name: of_mean(name, results)(results.daily(name).sums.sum("case", skipna=False)) for name in ("continuous", "balanced")}
    lines = ["", "| error | best classic | | the field for it | |", "|---|---|---|---|---|"]
    for error, product in FOR_ERRORS.items():
        table = values["continuous" if error in values["continuous"] else "balanced"][error]
        names = [str(name) for name in table["method"].values if not str(name).startswith("guided")]
        best = min(names, key=lambda name: float(table.sel({"method": name})))
        ours = float(table.sel({"method": f"guided-{product}"}))
        lines.append(f"| {error} | {best} | {float(table.sel({'method': best})):.3f} | {product} | {ours:.3f} |")
    return lines


def stage_table(results: Results) -> list[str]:
    """CSI by stage of training."""
    csi = of_mean("contingency", results)(results.daily("contingency").sums.sum("case", skipna=False))["csi"]
    lines = [f"| | {' | '.join(f'CSI {t:g}' for t in THRESHOLDS)} |", "|---" * 5 + "|"]
    return lines + [row(str(name), csi.sel({"method": name}).values) for name in csi["method"].values]


def ensemble_table(results: Results) -> list[str]:
    """Fair scores, reliability, spread and error."""
    value = {name: results.family(name).value(results.daily(name).sums.sum("case", skipna=False)) for name in results.scores}
    heads = ["fair CRPS", *(f"fair Brier {t:g}" for t in THRESHOLDS[:3]), *(f"reliability {t:g}" for t in THRESHOLDS[:3]), "spread/error"]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    numbers = {}
    for name in ("steps", "guided"):
        crps, brier = (value[key].sel({"method": name}).mean("lead_time") for key in ("crps", "brier"))
        whole = value["spread"].sel({"method": name})
        ratio = float((whole["spread"] ** 2).mean() ** 0.5 / (whole["rmse"] ** 2).mean() ** 0.5)
        numbers[name] = [float(crps["fair_crps"]), *brier["fair_brier"].values, *brier["reliability"].values, ratio]
        lines.append(row(name, numbers[name], 5))
    change = [100 * (ours / theirs - 1) for ours, theirs in zip(numbers["guided"][:4], numbers["steps"][:4], strict=True)]
    lines.append(f"| guided, % | {' | '.join(f'{percent:+.1f}' for percent in change)} | | | | |")
    ratios = value["spread"]["ratio"].sel({"method": "guided"}).values
    return [*lines, "", f"Spread over error of `guided` by lead time: {', '.join(f'{ratio:.2f}' for ratio in ratios)}."]


def away_tables(models: Callable[[str], Path]) -> list[str]:
    """For each spacing, each event: guided against S-PROG."""
    lines = []
    for km in KM:
        heads = [f"{name} {t:g}" for name in ("CSI", "HSS", "FSS") for t in THRESHOLDS[:3]] + ["RMSE"]
        lines += [f"\n### {km} km\n", f"| event | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
        pooled: dict[str, list[np.ndarray]] = {}
        for event, country in EVENTS.items():
            results = away(event, km, models(country))
            numbers = {method: away_numbers(results, method) for method in ("sprog", *(f"guided-{product}" for product in PRODUCTS))}
            for method in ("sprog", "guided-decision"):
                rmse = numbers["guided-mean" if method.startswith("guided") else method][-1]
                values = np.append(numbers[method][:-1], rmse)
                pooled.setdefault(method, []).append(values)
                lines.append(row(f"{event}, {method}", values))
            lines.append(row(f"{event}, difference", pooled["guided-decision"][-1] - pooled["sprog"][-1]))
        lines.append(row("mean of events, difference", np.mean(pooled["guided-decision"], axis=0) - np.mean(pooled["sprog"], axis=0)))
    return lines


def away_numbers(results: Results, method: str) -> np.ndarray:
    """CSI, HSS and FSS at the thresholds, and RMSE; means over lead times."""

    def values(name: str) -> xr.Dataset:
        return of_mean(name, results)(results.daily(name).sums.sum("case", skipna=False)).sel({"method": method})

    table, fss = values("contingency"), values("fss")["fss"]
    skill = fss.isel({dim: 0 for dim in fss.dims if dim not in ("threshold",)})
    return np.array([*table["csi"].values, *table["hss"].values, *skill.values, float(values("continuous")["rmse"])])


def summary(home: Results, models: Callable[[str], Path]) -> dict[str, float]:
    """What the model card says: CSI at home, and how far ahead of the classics at home and away; means over lead times and events."""
    csi = of_mean("contingency", home)(home.daily("contingency").sums.sum("case", skipna=False))["csi"]
    said = {}
    for t in THRESHOLDS:
        ours, stack = (float(csi.sel({"method": name, "threshold": t})) for name in ("guided-decision", STACK))
        said |= {f"home_csi_{t:g}": round(ours, 4), f"home_csi_{t:g}_minus_tuned_sprog_and_anvil": round(ours - stack, 4)}
    for km in KM:
        ahead = []
        for event, country in EVENTS.items():
            results = away(event, km, models(country))
            ahead.append(away_numbers(results, "guided-decision") - away_numbers(results, "sprog"))
        for t, gain in zip(THRESHOLDS[:3], np.mean(ahead, axis=0)[:3], strict=True):
            said[f"away_{km}_km_csi_{t:g}_minus_sprog"] = round(float(gain), 4)
    return said


def main() -> None:
    """Run the hindcasts, or go on with them, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="runs/guided/best", help="folder of the model")
    parser.add_argument("--without", default="runs/guided-without-{}/best", help="of models that one country was left out of")
    parser.add_argument("--page", type=Path, default=PAGE)
    chosen = parser.parse_args()
    model = Path(chosen.model)

    def models(country: str) -> Path:
        without = Path(chosen.without.format(country))
        return without if without.is_dir() else model

    network, config = load_checkpoint(model)
    size = sum(weight.numel() for weight in network.parameters())
    text = [HEAD, f"{size:,} weights; {config.training['windows_seen']:,} windows in the last part of its training.\n", AT_HOME]
    stages = [folder for name in STAGES if (folder := Path("runs") / name / "best").is_dir()]
    with progress_and_warnings():
        home = at_home(model)
        text += [*home_tables(home), *error_table(home), "", AWAY, *away_tables(models)]
        text += ["", ENSEMBLE, *ensemble_table(ensembles(model)), "", AMOUNT, *stage_table(of_stages(stages)), "", TRIED.rstrip()]
    of_weights = {"fingerprint": fingerprint_of(model)}
    (RESULTS / f"summary-{identity(model)}.json").write_text(
        json.dumps(of_weights | summary(home, models), indent=2) + "\n", encoding="utf-8"
    )
    chosen.page.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
