"""What tests of hindcasts share: small events, methods of known behaviour, and a score that a test can follow by hand."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from stormcell.data.readers.odim import write_odim
from stormcell.data.synthetic import synthetic_storm
from stormcell.errors import MethodError
from stormcell.frames import make_forecast
from stormcell.verification import Contingency

SCORES = {"rain": Contingency(thresholds=(0.5, 5.0))}


def write_event(
    folder: Path, *, steps: int = 16, shape: tuple[int, int] = (24, 32), seed: int = 1, start: str = "2024-07-01T12:00"
) -> Path:
    """One file a scan, every 5 minutes."""
    write_odim(synthetic_storm(steps, shape=shape, seed=seed, start=start), folder)
    return folder


@dataclass(frozen=True)
class Scaled:
    """The last frame times a factor; the west of the field is unknown to it, so that masks differ between methods."""

    factor: float = 1.0
    unknown_columns: int = 0
    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: np.ndarray, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        if members != 1:
            raise MethodError("scaled makes one member")
        field = past.values[-1] * np.float32(self.factor)
        field[:, : self.unknown_columns] = np.nan
        return make_forecast(np.broadcast_to(field, (1, len(lead_times), *field.shape)).copy(), past, lead_times, method="scaled")


@dataclass(frozen=True)
class Noted:
    """Like `Scaled`, and every call adds its issue time to a file; slowly, if that is wanted."""

    log: str
    seconds: float = 0.0
    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: np.ndarray, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        with open(self.log, "a") as log:
            log.write(f"{issue_of(past)}\n")
        time.sleep(self.seconds)
        return Scaled(1.1)(past, lead_times)


@dataclass(frozen=True)
class Deadly:
    """Kills the process it works in at some issue times: once, or whenever it is called with them."""

    flag: str
    at: tuple[str, ...]
    always: bool = False
    past_steps: int = 2

    def __call__(self, past: xr.DataArray, lead_times: np.ndarray, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        flag = Path(f"{self.flag}-{issue_of(past)}")
        if issue_of(past) in self.at and (self.always or not flag.exists()):
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Scaled(1.1)(past, lead_times)


def issue_of(past: xr.DataArray) -> str:
    """Hours and minutes of the last frame."""
    return str(past["time"].values[-1])[11:16]
