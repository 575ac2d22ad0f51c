"""What happens when scans come in, from the files to the map and the scores: one function to read from top to bottom.

Each stage makes what is not there yet and is published, if at all, by one transaction. So a process that dies at any moment leaves what was
published before, and the next cycle goes on: nothing has to be repaired first.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stormcell.data.archive import Archive, is_archive
from stormcell.errors import StormcellError
from stormcell.methods import Method
from stormcell.methods.scans import scans_for
from stormcell.service.database import Database, PublishedForecast, PublishedScan
from stormcell.service.decode import Limits
from stormcell.service.fields import FieldStore
from stormcell.service.forecasting import make_forecast_fields
from stormcell.service.intake import take_in
from stormcell.service.live_scores import score_what_came_true
from stormcell.service.retention import retain
from stormcell.service.settings import ServiceSettings

__all__ = ["Cycle", "Workshop", "run_cycle"]


@dataclass
class Workshop:
    """What every cycle works with.

    Args:
        settings: of the service.
        database: of what is published.
        store: of the published fields.
        methods: name -> method, in the order in which they forecast.
        sizes: bytes of fields, as far as they are known.
    """

    settings: ServiceSettings
    database: Database
    store: FieldStore
    methods: Mapping[str, Method]
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass
class Cycle:
    """What a cycle did.

    Args:
        new_scans: that came into the archive.
        observed: fields that were published of them.
        forecasts: that were published.
        scored: fields that came true and were scored.
        removed: fields that had their time.
        stages: seconds of each.
        problems: what went wrong; the rest was done all the same.
    """

    new_scans: int = 0
    observed: int = 0
    forecasts: list[PublishedForecast] = field(default_factory=list)
    scored: int = 0
    removed: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; an error that stormcell foresees is noted, and the cycle goes on."""
        start = time.perf_counter()
        try:
            yield
        except StormcellError as error:
            self.problems.append(f"{name}: {error}")
        finally:
            self.stages[name] = round(self.stages.get(name, 0.0) + time.perf_counter() - start, 4)


def run_cycle(workshop: Workshop, files: dict[Path, str]) -> Cycle:
    """Take in files, forecast from the newest scan, publish, and score what has come true.

    Args:
        workshop: what to work with.
        files: new files and their states, as `Arrivals` gives them; none is fine, what an earlier cycle could not finish is made up for.

    Returns:
        what was done, what it took, and what went wrong.
    """
    settings, database, store = workshop.settings, workshop.database, workshop.store
    cycle = Cycle()
    with cycle.stage("decode and archive"):
        limits = Limits(settings.decode_seconds, settings.decode_megabytes)
        cycle.new_scans = take_in(files, settings.archive_path, database, limits, bbox=settings.bbox)
    if not is_archive(settings.archive_path):
        return cycle
    archive = Archive(settings.archive_path)
    if not archive.present.any():
        return cycle
    newest = archive.axis[archive.present][-1]
    oldest = newest - np.timedelta64(round(3600 * settings.keep_hours), "s")

    with cycle.stage("publish scans"):
        published = {scan.time for scan in database.scans()}
        for moment in archive.axis[archive.present & (archive.axis >= oldest)]:
            if moment.astype("datetime64[s]") not in published:  # as it is stored: old numpy finds no time under another unit
                observed = archive.between(moment, moment).isel(time=0)
                key = store.write(observed.to_dataset(name="rain_rate"), kind="observed")
                database.publish_scan(PublishedScan(moment, key))
                cycle.observed += 1

    made = []
    for method in settings.methods:
        if database.forecast(method.name, newest) is None:
            with cycle.stage(f"forecast {method.name}"):
                past = archive.latest(max(scans_for(one, archive.step) for one in workshop.methods.values()))
                made.append(make_forecast_fields(method.name, workshop.methods[method.name], method.members, past, settings, store))
    with cycle.stage("publish forecasts"):
        database.publish_forecasts(made)
        cycle.forecasts = made

    with cycle.stage("score"):
        cycle.scored = score_what_came_true(archive, database, store, settings.thresholds, since=oldest)
    with cycle.stage("tidy"):
        cycle.removed = retain(
            database,
            store,
            newest=newest,
            keep_hours=settings.keep_hours,
            keep_gigabytes=settings.keep_gigabytes,
            sizes=workshop.sizes,
        )
    return cycle
