"""Distance of power spectra: a forecast that blurs has lost its small scales, wherever they were."""

import torch
from torch import Tensor

from stormcell.networks.losses.loss import check, mean_over
from stormcell.networks.representation import Representation

__all__ = ["spectral"]

_FLOOR = 1e-4  # power of noise of 0.01 in x: what is weaker makes no difference, so that dry fields have a logarithm


def spectral(forecast: Tensor, observed: Tensor, valid: Tensor, *, representation: Representation) -> Tensor:
    """Mean over frames and rings of the squared logarithm of how much power the forecast has for that of the observation.

        mean over frames and rings of (log10((P_forecast(k) + floor) / (P_observed(k) + floor)))^2

        P(k) = mean over the ring round(|k| l) = 1, 2, ..., (l - 1) // 2 of |F|^2 / n,   l = longer side, n = pixels

    F is the Fourier transform of x. A factor of 10 in power at all wavelengths costs 1, whichever way. The phase, so the place, plays no
    part: it is meant as a small term beside a pixelwise loss. Pixels that are not valid hold 0 in both fields, so that the edges of
    the mask add the same kind of power to both; frames without a valid pixel are left out. The mean of a field (k = 0) is left to the
    other losses.

    Args:
        forecast: see `Loss`.
        observed: x of what came.
        valid: what counts.
        representation: plays no part.

    Raises:
        ValueError: a grid with less than 3 pixels along its longer side, or as of `Loss`.

    Source:
        The log-spectral distance of `verification.spectrum`, of x instead of rain rate, squared and with a floor.
    """
    check(forecast, observed, valid)
    if max(observed.shape[-2:]) < 3:
        raise ValueError(f"spectral loss: expected 3 pixels or more along the longer side, got {tuple(observed.shape[-2:])}")
    known = torch.where(valid, observed, 0.0)
    said = torch.where(valid, forecast.to(known.dtype), 0.0)
    seen = valid.flatten(0, 2).any(-1).any(-1)
    distance = torch.log10((_power(said) + _FLOOR) / (_power(known) + _FLOOR)).square().mean(1)
    return mean_over(seen, torch.where(seen, distance, 0.0))


def _power(fields: Tensor) -> Tensor:
    """(batch, time, channel, y, x) to (frames, rings)."""
    rows, columns = fields.shape[-2:]
    side = max(rows, columns)
    rings = (side - 1) // 2
    transform: Tensor = torch.fft.rfft2(fields.flatten(0, 2))
    y, x = (of(n, dtype=torch.float64, device=fields.device) for of, n in ((torch.fft.fftfreq, rows), (torch.fft.rfftfreq, columns)))
    ring = torch.hypot(*torch.meshgrid(y, x, indexing="ij")).mul_(side).round_().long().clamp_(max=rings + 1).flatten()
    mirrored = (x > 0) & (x < 0.5)  # the other half of the spectrum, which is the same
    weight = torch.where(mirrored, 2.0, 1.0).to(fields.dtype).expand(rows, -1).flatten()
    each = (transform.real.square() + transform.imag.square()).flatten(1) * weight / (rows * columns)
    sums: Tensor = each.new_zeros(each.shape[0], rings + 2).index_add(1, ring, each)
    total: Tensor = weight.new_zeros(rings + 2).index_add(0, ring, weight)
    return sums[:, 1 : rings + 1] / total[1 : rings + 1]
