"""LINDA: intense, small rain areas, each with its own growth, decay and loss of detail; alone, or as an ensemble."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from stormcell.errors import MissingExtraError
from stormcell.frames import Spans
from stormcell.methods.pysteps.adapter import forecast_by
from stormcell.methods.pysteps.start import Start, UnsuitedError

__all__ = ["PystepsLinda"]


@dataclass(frozen=True)
class PystepsLinda:
    """pysteps' LINDA on rain rate: an autoregressive process of differences and a blurring kernel, fitted around each rain cell.

    One member is the deterministic forecast. More are an ensemble: rain and motion are perturbed as the last forecast's errors would
    have it; then no member is the deterministic one. The fit takes minutes on a national composite, and more for an ensemble.
    There is no bound on the rain: growth goes on as it did.

    Attributes:
        features: how the cells are found, "blob", "shitomasi", or "domain" for one model over the whole grid.
        max_features: how many cells at the most; time grows with them.
        ar_order: order of the autoregressive process, 1 or 2; two more frames are needed.
        kernel: "anisotropic" or "isotropic".
        motion_noise: perturbation of the motion, "bps" or None.
        past_steps: how many of the last frames go into the motion.

    Source:
        Pulkkinen, Chandrasekar & Niemi (2021), doi:10.1175/JTECH-D-21-0013.1.
    """

    features: str = "blob"
    max_features: int = 25
    ar_order: int = 1
    kernel: str = "anisotropic"
    motion_noise: str | None = "bps"
    past_steps: int = 4

    def __call__(self, past: xr.DataArray, lead_times: Spans, *, members: int = 1, seed: int | None = None) -> xr.DataArray:
        """See `Method`. Lead times must be whole steps; the seed is of use with more than one member."""
        frames = self.ar_order + 2
        return forecast_by(
            "pysteps-linda", self._model, past, lead_times, frames=frames, past_steps=self.past_steps, members=members, seed=seed
        )

    def _model(self, start: Start) -> NDArray[np.floating]:
        start.need_rain(self.ar_order + 2)
        self._need_cells(start)
        forecast, collect = start.collected()
        start.pysteps.nowcasts.get_method("linda")(
            start.rain_rate[-(self.ar_order + 2) :],
            start.motion,
            start.every_step,
            feature_method=self.features,
            max_num_features=self.max_features,
            ari_order=self.ar_order,
            kernel_type=self.kernel,
            add_perturbations=start.members > 1,
            n_ens_members=start.members,
            vel_pert_method=self.motion_noise,
            kmperpixel=start.km,
            timestep=start.minutes,
            seed=start.seed,
            num_workers=start.threads,
            callback=collect,
            return_output=False,
        )
        return start.finished(forecast)

    def _need_cells(self, start: Start) -> None:
        """pysteps breaks off where it finds no cell of rain; the search costs little beside what follows it."""
        if self.features == "domain":
            return
        if self.features == "blob" and find_spec("skimage") is None:
            raise MissingExtraError("scikit-image", extra="pysteps", purpose="the search for rain cells of 'pysteps-linda'")
        if len(start.pysteps.feature.get_method(self.features)(np.nan_to_num(start.rain_rate[-1]))) == 0:
            raise UnsuitedError("the last scan has no rain cell that stands out")
