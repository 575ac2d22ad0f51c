"""The question of the review on rain itself: which forecast is best for how long, of networks that have learnt and of optical flow?"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.data.read import read
from stormcell.data.synthetic import synthetic_storm
from stormcell.frames import step_of
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.methods import method_named
from stormcell.progress import track
from stormcell.verification import Contingency
from stormcell.verification.score import common_mask

__all__ = ["EXPERIMENT"]

METHODS = ("persistence", "advection", "rover-linear", "convlstm", "trajgru", "guided")
THRESHOLD = 0.5  # mm/h
LEADS = 12
PAST = 5
HOME, ABROAD = "taasrad19/validation/taasrad19_2016-06.nc", "events/knmi_2010-08-26"


def storms(steps: int) -> dict[str, xr.DataArray]:
    """So many scans of a storm at home and of one abroad where test data are at hand, else of one that the package makes."""
    folder = Path(os.environ.get("STORMCELL_TEST_DATA", "../shared/radar"))
    if not (folder / HOME).is_file() or not (folder / ABROAD).is_dir():
        return {"the synthetic storm of the demo": synthetic_storm(steps)}
    month = read(folder / HOME)
    return {"at home: Trentino, June 2016": wettest(month, steps), "abroad: the Netherlands, August 2010": read(folder / ABROAD)[:steps]}


def wettest(frames: xr.DataArray, steps: int) -> xr.DataArray:
    """The stretch with the most rain among those without a gap."""
    there = np.isfinite(frames.values).any(axis=(1, 2))
    wet = (frames.values >= THRESHOLD).sum(axis=(1, 2))
    window = np.ones(steps)
    whole = np.convolve(there, window, mode="valid") == steps
    first = int(np.where(whole, np.convolve(wet, window, mode="valid"), -1).argmax())
    return frames[first : first + steps]


def hits_and_misses(frames: xr.DataArray, starts: list[int]) -> xr.Dataset:
    """CSI of each method by lead time, over forecasts from several moments, on the pixels that all of them and the radar know.

    Args:
        frames: (time, y, x) rain rate [mm h-1].
        starts: number of the last scan that each forecast may see.
    """
    leads = np.arange(1, LEADS + 1) * step_of(frames)
    score = Contingency((THRESHOLD,))
    totals: dict[str, xr.DataArray] = {}
    for last in track(starts, "forecasts"):
        past, future = frames[last + 1 - PAST : last + 1], frames[last + 1 : last + 1 + LEADS]
        observed = future.rename(time="lead_time").assign_coords(lead_time=leads)
        forecasts = {name: method_named(name)(past, leads) for name in METHODS}
        valid = common_mask(observed, forecasts.values())
        for name, forecast in forecasts.items():
            sums = score.sums(forecast, observed, valid)
            totals[name] = totals[name] + sums if name in totals else sums
    return score.value(xr.concat([totals[name] for name in METHODS], pd.Index(list(METHODS), name="method")))


def run(full: bool) -> Outcome:
    """Forecast from a few moments of each storm."""
    starts = list(range(PAST - 1, PAST + 20, 2)) if full else [PAST - 1, PAST + 3]
    found = {what: hits_and_misses(frames, starts) for what, frames in storms(starts[-1] + 1 + LEADS).items()}
    with style():
        figure, panels = axes(len(found), height=4.6, sharey=True)
        for panel, (what, values) in zip(panels, found.items(), strict=True):
            minutes = values["lead_time"].values / np.timedelta64(1, "m")
            for number, name in enumerate(METHODS):
                line = "--" if name in METHODS[:3] else "-"
                csi = values["csi"].isel(threshold=0).sel({"method": name})
                panel.plot(minutes, csi, line, color=COLOURS[number], marker=MARKERS[number], markersize=4, label=name)
            panel.set(xlabel="minutes ahead", ylim=(0, 1), title=what)
        panels[0].set_ylabel(f"CSI of rain of {THRESHOLD} mm/h or more")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    rates = {
        what: {name: values["csi"].isel(threshold=0).sel({"method": name}).values.tolist() for name in METHODS}
        for what, values in found.items()
    }
    checks = []
    for what, one in rates.items():
        mean = {name: float(np.mean(values)) for name, values in one.items()}
        flow = max(mean["advection"], mean["rover-linear"])
        checks += [
            Check(f"{what}: optical flow over persistence, mean CSI", flow / mean["persistence"], at_least=1.1),
            Check(f"{what}: the guided network minus optical flow, mean CSI", mean["guided"] - flow, at_least=0.0),
        ]
        if what.startswith("at home"):
            last = one["convlstm"][-1] / max(one["advection"][-1], one["rover-linear"][-1])
            checks.append(Check(f"{what}: ConvLSTM over optical flow, CSI an hour ahead", last, at_least=1.0))
    picture = Picture(
        "csi-by-lead-time",
        figure,
        "Moving the rain beats leaving it; plain networks are good at home only; one that starts from moved rain is good abroad too.",
        "Falling lines of CSI over minutes ahead for six methods, a panel for each storm: persistence lowest, the guided network on top.",
    )
    return Outcome({"moments": len(starts), "csi_by_storm_and_method": rates}, checks, (picture,))


EXPERIMENT = Experiment(
    title="On radar",
    claim="Convolutional recurrent networks forecast rain better than optical flow with extrapolation does.",
    place="on ConvLSTM and TrajGRU against ROVER",
    equations=(r"\mathrm{CSI} = \frac{\mathrm{hits}}{\mathrm{hits} + \mathrm{misses} + \mathrm{false\ alarms}}",),
    idea="""Everything before this chapter was done on toys. Here six methods forecast an hour of rain from the last five scans of a radar:
    persistence, which leaves the rain where it is; two ways of optical flow, which move it; ConvLSTM and TrajGRU, trained on the radar of
    the Trentino; and the guided network, which begins with rain that was moved and learns what is then still wrong. Where test data are at
    hand there are two storms: one of that same radar in a month that no network has learnt from, and one of another country. (The guided
    network was shown other radars too, that storm among them; a comparison with whole countries left out is in the benchmarks.)

    A pixel with rain of 0.5 mm/h or more is an event. CSI counts the events that were both forecast and seen, over those that were
    forecast, or seen, or both: 1 is perfect. All methods are scored on the same pixels.""",
    shown=(hits_and_misses, storms, wettest),
    run=run,
    lesson="""The review's claim holds where a network is tested on the radar that it has learnt from. On the radar of another country the
    plain networks can fall behind optical flow, because they have learnt one radar's habits: its clutter, its valleys, the speed of its
    storms, the size of its pixels. Given the moved rain as a first guess, a network only has to learn growth and decay, which are more
    alike everywhere, and it stays ahead.

    Persistence falls fastest where the rain moves fast. All curves fall, because some of the rain of the next hour is not there yet.""",
    next=(
        "Set STORMCELL_TEST_DATA to a folder of your own, or change HOME and ABROAD.",
        "Move the threshold to 5 mm/h: who is ahead on heavy rain?",
        "Run stormcell verify over many events, with confidence intervals: one storm is an anecdote.",
    ),
    longer="forecasts from more moments of each storm.",
)
