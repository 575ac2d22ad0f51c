"""An archive in memory, as much of one as windows and samples ask for."""

from dataclasses import dataclass, field

import numpy as np

from stormcell.grid import Grid


@dataclass
class FakeArchive:
    """Frames of these values, 5 minutes apart; slots that are wholly NaN are gaps unless `present` says otherwise."""

    values: np.ndarray
    present: np.ndarray | None = None
    start: str = "2024-07-01T00:00"
    fingerprint: str = "0123456789abcdef"
    reads: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self):
        self.values = np.asarray(self.values, np.float32)
        seen = ~np.isnan(self.values)
        if self.present is None:
            self.present = seen.any(axis=(1, 2))
        with np.errstate(invalid="ignore"):
            self.wet_share = ((self.values >= 0.1).sum(axis=(1, 2)) / seen.sum(axis=(1, 2))).astype(np.float32)
        self.axis = np.datetime64(self.start, "ns") + np.arange(len(self.values)) * np.timedelta64(300, "s")
        self.grid = Grid.from_edges("EPSG:21781", west=6e5, north=2e5, pixel=(1000.0, 1000.0), shape=self.values.shape[1:])

    def block(self, first, last, rows=slice(None), columns=slice(None)):
        self.reads.append((first, last))
        return self.values[first:last, rows, columns]


def rain(steps: int, rows: int, columns: int, *, seed: int = 0) -> np.ndarray:
    """Values that float16 holds exactly, most of them dry, each frame another."""
    rng = np.random.default_rng(seed)
    return np.maximum(rng.integers(-6, 4, (steps, rows, columns)), 0).astype(np.float32) / 4
