"""What is published for how long: old fields go, their scores stay, and what nobody knows of is swept away."""

from collections.abc import MutableMapping

import numpy as np

from stormcell.service.database import Database
from stormcell.service.fields import FieldStore

__all__ = ["retain"]


def retain(
    database: Database,
    store: FieldStore,
    *,
    newest: np.datetime64,
    keep_hours: float,
    keep_gigabytes: float,
    sizes: MutableMapping[str, int],
) -> int:
    """Withdraw fields that are too old or too many, and remove every field that is not published.

    A field is withdrawn first and removed afterwards, so a stop in between leaves something to sweep and nothing that is missing. Only the
    one that publishes may call this: what it is about to publish would be swept too.

    Args:
        database: of what is published.
        store: of the fields.
        newest: time of the newest scan; ages count from there.
        keep_hours: scans, and forecasts by reference time, that are older go.
        keep_gigabytes: of all fields together; the oldest go first, but never those of the newest scan.
        sizes: bytes of the fields whose size is known, filled here, so that each is asked for once.

    Returns:
        how many fields were removed.
    """
    dated = [(one.time, one.key) for one in database.scans()] + [(one.reference_time, one.key) for one in database.forecasts()]
    there = set(store.keys())
    for key in sizes.keys() - there:
        del sizes[key]
    for _, key in dated:
        if key in there and key not in sizes:
            sizes[key] = store.size(key)
    oldest = newest - np.timedelta64(round(3600 * keep_hours), "s")
    total = 0
    withdrawn = []
    for time, key in sorted(dated, key=lambda one: one[0], reverse=True):
        total += sizes.get(key, 0)
        if time < oldest or (total > 1e9 * keep_gigabytes and time < newest):
            withdrawn.append(key)
    if withdrawn:
        database.withdraw(withdrawn)
    unknown = there - database.keys()
    for key in unknown:
        store.remove(key)
    return len(unknown)
