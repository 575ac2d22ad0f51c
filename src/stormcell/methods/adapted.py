"""A model that goes on learning from its radar, as a method: the variant that its guard has in use."""

import json
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from stormcell.errors import ReadError
from stormcell.frames import Spans
from stormcell.methods.cascade import Sprog
from stormcell.methods.guided import GuidedForecast
from stormcell.methods.method import Method
from stormcell.methods.shipped import stands

__all__ = ["FROZEN", "MODEL", "RECORD", "SPROG", "Adapted", "is_adapted"]

MODEL, RECORD = "model", "online.json"
SPROG, FROZEN = "sprog", "frozen"
_MAX_BYTES = 2**20


@dataclass(frozen=True, repr=False)
class Adapted:
    """The method that a folder of `stormcell adapt` stands for at this moment.

    What the folder says is read at each forecast, so a service that runs on follows its guard. The attributes `variant` and `lessons` say
    what was in use. S-PROG makes one member; where more are asked for while it is in use, they are those of the model as it came.

    Args:
        folder: of `stormcell adapt`.
    """

    folder: str | Path

    @property
    def past_steps(self) -> int:
        """Of the model, or more where S-PROG needs them."""
        return max(Sprog().past_steps, GuidedForecast(Path(self.folder) / MODEL).past_steps)

    @property
    def past_minutes(self) -> float:
        """How far back the model looks."""
        return GuidedForecast(Path(self.folder) / MODEL).past_minutes

    @property
    def name(self) -> str:
        """That of the folder."""
        return Path(self.folder).resolve().name

    @property
    def identity(self) -> str:
        """What is in use now: the model by its weights, wherever the folder lies.

        Raises:
            ReadError: the folder's record cannot be read.
        """
        chosen, _ = self._in_use()
        return SPROG if chosen == SPROG else GuidedForecast(Path(self.folder) / MODEL).identity

    def __repr__(self) -> str:
        """By its name; the path is of one machine alone."""
        return f"Adapted({self.name!r})"

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`.

        Raises:
            ReadError: the folder's record cannot be read.
        """
        chosen, lessons = self._in_use()
        if chosen == SPROG and members > 1:
            chosen = FROZEN
        method: Method = Sprog() if chosen == SPROG else GuidedForecast(Path(self.folder) / MODEL)
        forecast = method(past, lead_times, members=members, seed=seed)
        return forecast.assign_attrs(method=self.name, variant=chosen, lessons=lessons)

    def _in_use(self) -> tuple[str, int]:
        path = Path(self.folder) / RECORD
        try:
            with path.open("rb") as file:
                said = json.loads(file.read(_MAX_BYTES))
            return str(said["chosen"]), int(said["lessons"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReadError(
                f"{path}: expected the record of a model that goes on learning ({error}); 'stormcell adapt' writes one"
            ) from error


def is_adapted(name: str | Path) -> bool:
    """Whether it is a folder of `stormcell adapt`, also while one model takes the other's place in it."""
    return (Path(name) / RECORD).is_file() and stands(Path(name) / MODEL)
