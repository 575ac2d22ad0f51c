"""What a hindcast found: tables of its cases and the scores of its methods, from the sums that a run left on disk."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from stormcell.benchmark.store import FOLDER, Status, Store, statuses
from stormcell.benchmark.strata import STRATA
from stormcell.errors import ReadError, StormcellError
from stormcell.verification import SCORES
from stormcell.verification.score import Score

__all__ = ["CommonCases", "DailySums", "POOLED", "Results"]

POOLED = "all events"
_ALONG_CURVES = {"forecast_probability", "rank", "wavelength"}
_FIRST, _LAST = ("method", "family", "score", "lead_time_min"), ("value", "cases", "days")
_AT_ONCE = 16  # cases in memory while they are added up


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


class DailySums(NamedTuple):
    """The sums of common cases, added up day by day: small, however many cases there are, and all that resampling of days needs.

    Attributes:
        sums: (case, method, lead_time, ..., statistic), the day as `case`.
        cases: how many cases are in them.
    """

    sums: xr.DataArray
    cases: int


class Results:
    """The results of a hindcast, finished or not.

    `sums` and `common` hold every case in memory, as many as there are; all else reads a few cases at a time.

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
        self._layouts: dict[tuple[str, str], xr.DataArray] = {}
        self._opened: dict[tuple[str, str], xr.Dataset] = {}

    @cached_property
    def cases(self) -> pd.DataFrame:
        """A row for each case: `event`, `issue_time`, `finished`, `common`, the facts of the frames, and the share of pixels scored."""
        return pd.concat([self._cases_of(event) for event in self.events], ignore_index=True)

    def _cases_of(self, event: str) -> pd.DataFrame:
        status = statuses(self.folder / FOLDER, event)
        dataset = self._open(event, "cases")
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
            dataset = self._open(event, "cases")
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
            for name, made in zip(self.methods, self._open(event, "cases")["members"].values.T, strict=True):
                sizes[name] |= set(made[made > 0].tolist())
        return {name: sorted(made) for name, made in sizes.items()}

    @cached_property
    def incomplete(self) -> int:
        """How many issue times were left out because one of their scans is missing."""
        return sum(int(self._open(event, "cases").attrs["incomplete"]) for event in self.events)

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
        parts = []
        for name in self._scored(score, event):
            sums = _plain_text(self._open(name, score)["sums"].load())
            parts.append(sums.assign_coords(event=("case", np.full(sums.sizes["case"], name, dtype=object))))
        return parts[0] if len(parts) == 1 else _joined(parts, score)

    def common(self, score: str, event: str | None = None) -> CommonCases:
        """The sums of the cases on which all methods made a forecast, and how many these are. See `sums`."""
        sums = self.sums(score, event)
        chosen = self.cases[self.cases["event"].isin(np.unique(sums["event"].values))]
        common = chosen["common"].to_numpy()
        return CommonCases(sums.isel(case=np.flatnonzero(common)), int(common.sum()), int(chosen["finished"].sum()))

    def daily(self, score: str, event: str | None = None, *, where: "pd.Series[bool] | None" = None) -> DailySums:
        """The sums of the common cases, added up day by day.

        Args:
            score: name of the score.
            event: of this event only; of all if None, at the lead times that they share.
            where: the cases to take, a mark for each row of `cases`; all if None. ``results.cases["past_wet_share"] > 0.1``, say.

        Raises:
            StormcellError: as for `sums`.
        """
        chosen = self.cases["common"] if where is None else self.cases["common"] & where
        scored = self._scored(score, event)
        having = [name for name in scored if (chosen & (self.cases["event"] == name)).any()] or scored
        days = np.unique(self.cases.loc[chosen & self.cases["event"].isin(having), "issue_time"].to_numpy().astype("datetime64[D]"))
        layouts = [self._layout(name, score) for name in having]
        leads = layouts[0].indexes["lead_time"] if len(layouts) == 1 else _shared_leads(layouts, score)
        layout = layouts[0].sel(lead_time=leads)
        total = np.zeros((days.size, *layout.shape))
        count = 0
        for name in having:
            for day, sums in self._one_by_one(name, score, chosen, leads):
                total[np.searchsorted(days, day)] += sums
                count += 1
        coords = {"case": days.astype("datetime64[ns]"), **{str(dim): layout[dim] for dim in layout.dims if dim in layout.coords}}
        return DailySums(xr.DataArray(total, dims=("case", *layout.dims), coords=coords, name="sums"), count)

    def _one_by_one(
        self, event: str, score: str, chosen: "pd.Series[bool]", leads: pd.Index
    ) -> Iterator[tuple[np.datetime64, NDArray[np.float64]]]:
        """The day and the sums of each chosen case of an event, of which only a few are in memory at a time."""
        numbers = np.flatnonzero(chosen[self.cases["event"] == event])
        kept = self._open(event, score)["sums"]
        for start in range(0, numbers.size, _AT_ONCE):
            sums = kept.isel(case=numbers[start : start + _AT_ONCE]).load().sel(lead_time=leads)
            yield from zip(sums["case"].values.astype("datetime64[D]"), sums.values, strict=True)

    def values(self, score: str, event: str | None = None, *, where: "pd.Series[bool] | None" = None) -> xr.Dataset:
        """The scores of the common cases, added up: one variable a score, (method, lead_time, ...). See `daily`."""
        return self.family(score).value(self.daily(score, event, where=where).sums.sum("case", skipna=False))

    def family(self, score: str) -> Score:
        """The score of this name.

        Raises:
            StormcellError: it is not one of this package's, and was not given.
        """
        if score not in self._given and score not in SCORES:
            raise StormcellError(f"score {score!r} is not one of this package's: open the results with scores={{{score!r}: ...}}")
        return self._given[score] if score in self._given else SCORES[score]()

    def strata(self, by: str) -> "dict[str, pd.Series[bool]]":
        """Label -> its cases, a mark for each row of `cases`.

        Args:
            by: "event", or a name in `stormcell.benchmark.strata.STRATA`, of which labels without a common case are left out.

        Raises:
            StormcellError: it is neither.
        """
        if by == "event":
            return {event: self.cases["event"] == event for event in self.events}
        if by not in STRATA:
            raise StormcellError(f"unknown kind {by!r} of cases: expected one of event, {', '.join(STRATA)}")
        labels = STRATA[by](self.cases)
        return {str(label): labels == label for label in labels[self.cases["common"]].dropna().sort_values().unique()}

    def table(self, by: str = "event") -> pd.DataFrame:
        """Every score in long form: `method`, `family`, `score`, `lead_time_min`, `threshold` and the like, `value`, `cases`, `days`.

        Curves and spectra are left out: they are many times as many numbers, and `values` has them. `cases` are those on which all
        methods made a forecast. Empty, apart from its columns, where there is none yet.

        Args:
            by: what the first column tells apart: "event", or a name in `stormcell.benchmark.strata.STRATA`: "season", "regime". Each
                event stands for itself; where there are more, all of them added up follow as the event "all events". A season or a
                regime holds the cases of all events; scores whose sums differ between these (spectra on other grids) are left out.
        """
        choices: dict[str, pd.Series[bool] | None] = {**self.strata(by)}
        if by == "event" and len(self.events) > 1:
            choices[POOLED] = None
        parts = []
        for label, where in choices.items():
            for score in self.scores:
                try:
                    sums, cases = self.daily(score, label if by == "event" and label != POOLED else None, where=where)
                except StormcellError:  # no case succeeded, or nothing is shared
                    continue
                values = self.family(score).value(sums.sum("case", skipna=False))
                for name, part in values.data_vars.items():
                    if not _ALONG_CURVES & set(part.dims):
                        table = _long(part).assign(family=score, score=str(name), cases=cases, days=sums.sizes["case"])
                        parts.append(table.assign(**{by: label}))
        empty = pd.DataFrame(columns=[by, *_FIRST, *_LAST])
        table = pd.concat(parts, ignore_index=True) if parts else empty
        return table[[by, *_FIRST, *(column for column in table.columns if column not in empty.columns), *_LAST]]

    def _scored(self, score: str, event: str | None) -> list[str]:
        """The events that have sums of a score.

        Raises:
            StormcellError: no such score or event, or no case that succeeded.
        """
        for kind, name, known in (("score", score, self.scores), ("event", event, self.events)):
            if name is not None and name not in known:
                raise StormcellError(f"unknown {kind} {name!r}: expected one of {', '.join(known)}")
        wanted = [name for name in ([event] if event else self.events) if (self.folder / FOLDER / name / score).exists()]
        if not wanted:
            raise StormcellError(f"{self.folder}: no forecast has been scored by {score!r} yet; see the failures")
        return wanted

    def _layout(self, event: str, score: str) -> xr.DataArray:
        """(method, lead_time, ..., statistic), the numbers of a case."""
        if (event, score) not in self._layouts:
            self._layouts[event, score] = _plain_text(self._open(event, score)["sums"].isel(case=0, drop=True).load())
        return self._layouts[event, score]

    def _open(self, event: str, group: str) -> xr.Dataset:
        """A group of an event, opened once: a report asks for it a hundred times, and to open it takes longer than to read its numbers."""
        if (event, group) not in self._opened:
            self._opened[event, group] = xr.open_dataset(
                self.folder / FOLDER,
                engine="zarr",
                group=f"{event}/{group}",
                chunks=None,
                cache=False,
                consolidated=False,
                decode_timedelta=True,
            )
        return self._opened[event, group].copy()


def _plain_text(sums: xr.DataArray) -> xr.DataArray:
    """Text coordinates of fixed length, as in sums that were never written."""
    text = {name: (coord.dims, np.array(coord.values.tolist())) for name, coord in sums.coords.items() if coord.dtype.kind == "T"}
    return sums.assign_coords(text)


def _joined(parts: Sequence[xr.DataArray], score: str) -> xr.DataArray:
    """Events one after the other, at the lead times that all of them have."""
    leads = _shared_leads(parts, score)
    return xr.concat([part.sel(lead_time=leads) for part in parts], "case", join="exact", coords="minimal", compat="override")


def _shared_leads(parts: Sequence[xr.DataArray], score: str) -> pd.Index:
    """The lead times that all parts have.

    Raises:
        StormcellError: there are none, or the parts differ in other coordinates.
    """
    first = parts[0]
    others = [dim for dim in first.dims if dim not in ("case", "lead_time")]
    alike = all(part.dims == first.dims and all(part.indexes[dim].equals(first.indexes[dim]) for dim in others) for part in parts)
    leads: pd.Index = reduce(lambda shared, part: shared.intersection(part.indexes["lead_time"]), parts, first.indexes["lead_time"])
    if not alike or leads.empty:
        raise StormcellError(
            f"score {score!r}: the sums of these events share no lead time, or lie on other coordinates; ask for one event"
        )
    return leads


def _long(values: xr.DataArray) -> pd.DataFrame:
    plain = values.reset_coords(drop=True).rename("value")
    if "lead_time" in plain.dims:
        in_minutes = plain["lead_time"].values / np.timedelta64(1, "m")
        plain = plain.assign_coords(lead_time=in_minutes).rename(lead_time="lead_time_min")
    return plain.to_dataframe().reset_index()
