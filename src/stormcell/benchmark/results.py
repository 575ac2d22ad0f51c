"""What a hindcast found: tables of its cases and the scores of its methods, from the sums that a run left on disk."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from stormcell.benchmark.store import FOLDER, Status, Store, statuses
from stormcell.errors import ReadError, StormcellError
from stormcell.verification import SCORES
from stormcell.verification.score import Score

__all__ = ["CommonCases", "POOLED", "Results"]

POOLED = "all events"
_ALONG_CURVES = {"forecast_probability", "rank", "wavelength"}
_FIRST, _LAST = ("event", "method", "family", "score", "lead_time_min"), ("value", "cases")


class CommonCases(NamedTuple):
    """The cases that a comparison may use: those on which every method made a forecast.

    Attributes:
        sums: (case, method, lead_time, ..., statistic) of these cases only; add over `case`, and `Score.value` makes scores of it.
        common: how many they are.
        finished: how many cases the run has worked through, with or without failures.
    """

    sums: xr.DataArray
    common: int
    finished: int


class Results:
    """The results of a hindcast, finished or not.

    Args:
        folder: where `verify` wrote them.
        scores: the scores of the run by name, where they are others than those in `stormcell.verification.SCORES`.

    Raises:
        ReadError: there are no results.
    """

    def __init__(self, folder: str | Path, *, scores: Mapping[str, Score] | None = None) -> None:
        self.folder = Path(folder)
        settings = Store.settings(self.folder)
        if settings is None:
            raise ReadError(f"{folder}: holds no results of a hindcast; expected a folder that 'stormcell verify' wrote")
        self.settings = settings
        self.events: list[str] = list(settings["events"])
        self.methods: list[str] = list(settings["methods"])
        self.scores: list[str] = list(settings["scores"])
        self._given = dict(scores or {})

    @cached_property
    def cases(self) -> pd.DataFrame:
        """A row for each case: `event`, `issue_time`, `finished`, `common`, the facts of the frames, and the share of pixels scored."""
        return pd.concat([self._cases_of(event) for event in self.events], ignore_index=True)

    def _cases_of(self, event: str) -> pd.DataFrame:
        status = statuses(self.folder / FOLDER, event)
        with self._open(event, "cases") as dataset:
            pixels = dataset.attrs["rows"] * dataset.attrs["columns"] * dataset.sizes["lead_time"]
            columns = {
                "event": event,
                "issue_time": dataset["case"].values,
                "finished": (status != Status.PENDING).all(axis=1),
                "common": (status == Status.DONE).all(axis=1),
                "valid_share": dataset["valid_pixels"].sum("lead_time").values / pixels,
            }
            facts = {str(name): dataset["facts"].sel(fact=name).values for name in dataset["fact"].values}
        return pd.DataFrame({**columns, **facts})

    @cached_property
    def failures(self) -> pd.DataFrame:
        """A row for each forecast that could not be made: `event`, `issue_time`, `method`, `message`."""
        rows = []
        for event in self.events:
            failed = np.argwhere(statuses(self.folder / FOLDER, event) == Status.FAILED)
            with self._open(event, "cases") as dataset:
                rows += [
                    (event, dataset["case"].values[case], self.methods[method], str(dataset["message"][case, method].item()))
                    for case, method in failed
                ]
        return pd.DataFrame(rows, columns=["event", "issue_time", "method", "message"])

    @cached_property
    def members(self) -> dict[str, list[int]]:
        """Method -> the sizes of its ensembles; one, unless it could not always make as many members."""
        sizes: dict[str, set[int]] = {name: set() for name in self.methods}
        for event in self.events:
            with self._open(event, "cases") as dataset:
                for name, made in zip(self.methods, dataset["members"].values.T, strict=True):
                    sizes[name] |= set(made[made > 0].tolist())
        return {name: sorted(made) for name, made in sizes.items()}

    @cached_property
    def incomplete(self) -> int:
        """How many issue times were left out because one of their scans is missing."""
        count = 0
        for event in self.events:
            with self._open(event, "cases") as dataset:
                count += int(dataset.attrs["incomplete"])
        return count

    def sums(self, score: str, event: str | None = None) -> xr.DataArray:
        """The sums of every case, common or not; NaN where a method failed or a case is still to do.

        Args:
            score: name of the score.
            event: of this event only; of all if None, at the lead times that they share.

        Returns:
            (case, method, lead_time, ..., statistic); `case` is the issue time, with the coordinate `event` along it.

        Raises:
            StormcellError: no such score or event, no case that succeeded, or events whose sums cannot be added up: they share no lead
                time, or another dimension differs, as wavelengths do between grids.
        """
        for kind, name, known in (("score", score, self.scores), ("event", event, self.events)):
            if name is not None and name not in known:
                raise StormcellError(f"unknown {kind} {name!r}: expected one of {', '.join(known)}")
        wanted = [name for name in ([event] if event else self.events) if (self.folder / FOLDER / name / score).exists()]
        if not wanted:
            raise StormcellError(f"{self.folder}: no forecast has been scored by {score!r} yet; see the failures")
        parts = []
        for name in wanted:
            with self._open(name, score) as dataset:
                sums = _plain_text(dataset["sums"].load())
            parts.append(sums.assign_coords(event=("case", np.full(sums.sizes["case"], name, dtype=object))))
        return parts[0] if len(parts) == 1 else _joined(parts, score)

    def common(self, score: str, event: str | None = None) -> CommonCases:
        """The sums of the cases on which all methods made a forecast, and how many these are. See `sums`."""
        sums = self.sums(score, event)
        chosen = self.cases[self.cases["event"].isin(np.unique(sums["event"].values))]
        common = chosen["common"].to_numpy()
        return CommonCases(sums.isel(case=np.flatnonzero(common)), int(common.sum()), int(chosen["finished"].sum()))

    def values(self, score: str, event: str | None = None) -> xr.Dataset:
        """The scores of the common cases, added up: one variable a score, (method, lead_time, ...)."""
        return self._value(score, self.common(score, event))

    def _value(self, score: str, cases: CommonCases) -> xr.Dataset:
        if score not in self._given and score not in SCORES:
            raise StormcellError(f"score {score!r} is not one of this package's: open the results with scores={{{score!r}: ...}}")
        family = self._given[score] if score in self._given else SCORES[score]()
        return family.value(cases.sums.sum("case", skipna=False))

    def table(self) -> pd.DataFrame:
        """Every score in long form: `event`, `method`, `family`, `score`, `lead_time_min`, `threshold` and the like, `value`, `cases`.

        Curves and spectra are left out: they are many times as many numbers, and `values` has them.
        Each event stands for itself; where there are more, all of them added up follow as the event "all events". `cases` are those
        on which all methods made a forecast. Empty, apart from its columns, where there is none yet.
        """
        parts = []
        for event in [*self.events, *([None] if len(self.events) > 1 else [])]:
            for score in self.scores:
                try:
                    cases = self.common(score, event)
                except StormcellError:  # no case succeeded, or nothing is shared
                    continue
                values = self._value(score, cases)
                single = [name for name in values.data_vars if not _ALONG_CURVES & set(values[name].dims)]
                parts += [_long(values[name], event or POOLED, score, cases.common) for name in single]
        empty = pd.DataFrame(columns=[*_FIRST, *_LAST])
        table = pd.concat(parts, ignore_index=True) if parts else empty
        return table[[*_FIRST, *(column for column in table.columns if column not in empty.columns), *_LAST]]

    def _open(self, event: str, group: str) -> xr.Dataset:
        dataset: xr.Dataset = xr.open_zarr(
            self.folder / FOLDER, group=f"{event}/{group}", chunks=None, consolidated=False, decode_timedelta=True
        )
        return dataset


def _plain_text(sums: xr.DataArray) -> xr.DataArray:
    """Text coordinates of fixed length, as in sums that were never written."""
    text = {name: (coord.dims, np.array(coord.values.tolist())) for name, coord in sums.coords.items() if coord.dtype.kind == "T"}
    return sums.assign_coords(text)


def _joined(parts: Sequence[xr.DataArray], score: str) -> xr.DataArray:
    """Events one after the other, at the lead times that all of them have."""
    first = parts[0]
    others = [dim for dim in first.dims if dim not in ("case", "lead_time")]
    alike = all(part.dims == first.dims and all(part.indexes[dim].equals(first.indexes[dim]) for dim in others) for part in parts)
    if alike:
        together = xr.concat(parts, "case", join="inner", coords="minimal", compat="override")
        if together.size:
            return together
    raise StormcellError(f"score {score!r}: the sums of these events share no lead time, or lie on other coordinates; ask for one event")


def _long(values: xr.DataArray, event: str, family: str, cases: int) -> pd.DataFrame:
    plain = values.reset_coords(drop=True).rename("value")
    if "lead_time" in plain.dims:
        in_minutes = plain["lead_time"].values / np.timedelta64(1, "m")
        plain = plain.assign_coords(lead_time=in_minutes).rename(lead_time="lead_time_min")
    table = plain.to_dataframe().reset_index()
    return table.assign(event=event, family=family, score=str(values.name), cases=cases)
