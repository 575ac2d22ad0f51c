"""From the sums of a hindcast to calibrated values: curves of probabilities and maps of rain rates."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from stormcell.methods.calibration import Curve, Kind, ProbabilityMaps, RainRateMaps
from stormcell.verification.rain_rates import RATES

__all__ = ["FEWEST_CASES", "decisions", "fit_decisions", "fit_probabilities", "fit_rain_rates", "isotonic", "logistic", "quantiles"]

Floats = NDArray[np.float64]

FEWEST_CASES = 5
"""Cases in which it rained so hard somewhere, and in which it did not, that a curve is learnt from."""

_FEWEST_PIXELS = 100  # that reach a rain rate, in the forecasts and in the observation, for a node there
_GROUP = 3  # lead times in a row that share a decision: more events for each
_STEEPEST = 20.0
_OWN_LEVELS = 50  # members up to which each probability has its own bin; see `stormcell.verification.Brier`


def fit_probabilities(sums: xr.DataArray, members: int, kind: Kind) -> ProbabilityMaps:
    """Curves for each lead time and threshold.

    Args:
        sums: of `stormcell.verification.Brier`, (case, lead_time, threshold, forecast_probability, statistic).
        members: size of the ensembles.
        kind: of curve, "isotonic" or "logistic".
    """
    nodes = np.arange(members + 1) / members if members <= _OWN_LEVELS else sums["forecast_probability"].values
    pixels, events, probability = (sums.sel(statistic=name).values for name in ("pixels", "events", "probability"))
    in_case = pixels.sum(axis=-1), events.sum(axis=-1)
    enough = np.minimum((in_case[1] > 0).sum(axis=0), (in_case[1] < in_case[0]).sum(axis=0)) >= FEWEST_CASES
    fit = logistic if kind == "logistic" else isotonic
    values = []
    for lead in range(sums.sizes["lead_time"]):
        curves = []
        for row in range(sums.sizes["threshold"]):
            n, e, p = (stack[:, lead, row].sum(axis=0) for stack in (pixels, events, probability))
            curves.append(_curve(fit, p[n > 0] / n[n > 0], e[n > 0], n[n > 0], nodes) if enough[lead, row] else None)
        values.append(tuple(curves))
    return ProbabilityMaps(tuple(sums["threshold"].values.tolist()), tuple(nodes.tolist()), tuple(values))


def fit_rain_rates(sums: xr.DataArray) -> RainRateMaps:
    """Quantile maps for each lead time.

    Args:
        sums: of `stormcell.verification.rain_rates.RainRates`, (case, lead_time, rain_rate, statistic).
    """
    forecast, observed = (sums.sel(statistic=name).values for name in ("forecast", "observed"))
    wet = np.minimum(*((stack[..., 1:].sum(axis=-1) > 0).sum(axis=0) for stack in (forecast, observed)))
    curves = [
        quantiles(forecast[:, lead].sum(axis=0), observed[:, lead].sum(axis=0)) if wet[lead] >= FEWEST_CASES else None
        for lead in range(sums.sizes["lead_time"])
    ]
    return RainRateMaps(RATES, tuple(curves))


def fit_decisions(sums: xr.DataArray) -> RainRateMaps:
    """Maps for each lead time, alike for three in a row.

    Args:
        sums: of `stormcell.verification.decision_rates.DecisionRates`, (case, lead_time, threshold, rain_rate, statistic).
    """
    rates = tuple(sums["rain_rate"].values[1:].tolist())
    pixels, events = (sums.sel(statistic=name).values for name in ("pixels", "events"))
    wet = (events[:, :, 0].sum(axis=-1) > 0).sum(axis=0)
    curves: list[Curve | None] = []
    for first in range(0, sums.sizes["lead_time"], _GROUP):
        group = slice(first, first + _GROUP)
        enough = wet[group].min() >= FEWEST_CASES
        both = (counts[:, group].sum(axis=(0, 1)) for counts in (pixels, events))
        curve = decisions(*both, rates=rates, thresholds=tuple(sums["threshold"].values.tolist())) if enough else None
        curves += [curve] * wet[group].size
    return RainRateMaps(rates, tuple(curves))


def isotonic(p: Floats, events: Floats, pixels: Floats) -> Floats:
    """The rising curve that is nearest to what was observed.

        min sum n_j (q_j - e_j / n_j)^2 with q_1 <= q_2 <= ...

    by pooling adjacent violators. It minimises the Brier score of the sample among all rising curves, and the mean of the calibrated
    probabilities is the frequency of the events.

    Args:
        p: mean probability in each bin, rising; not looked at beyond its order.
        events: e_j.
        pixels: n_j, above 0.

    Source:
        Ayer et al. (1955), doi:10.1214/aoms/1177728423; Zadrozny & Elkan (2002), doi:10.1145/775047.775151.
    """
    fitted: Floats = isotonic_regression(events / pixels, weights=pixels).x
    return fitted


def logistic(p: Floats, events: Floats, pixels: Floats) -> Floats:
    """A curve with two parameters, for samples too small for more.

        g(p) = 1 / (1 + exp(-(a + b logit p))), 0 < p < 1,   b >= 0,    a and b of the largest likelihood

    a = 0 and b = 1 change nothing; b < 1 draws probabilities towards each other, as overconfident ensembles need. At p = 0 and p = 1,
    where most pixels are and logit p is infinite, it is the frequency that was observed, held below and above the rest.

    Args:
        p: mean probability in each bin, rising.
        events: e_j.
        pixels: n_j, above 0.

    Source:
        Platt (1999) with logit p for the score, as in Niculescu-Mizil & Caruana (2005), doi:10.1145/1102351.1102430. Departure: both ends
        are observed frequencies.
    """
    inner = (p > 0) & (p < 1)
    fitted = events / pixels
    if inner.any():
        x, e, n = logit(p[inner]), events[inner], pixels[inner]

        def loss(ab: Floats) -> tuple[float, Floats]:
            z = ab[0] + ab[1] * x
            off = n * expit(z) - e
            return float((n * np.logaddexp(0, z) - e * z).sum() / n.sum()), np.array([off.sum(), (off * x).sum()]) / n.sum()

        bounds = [(-_STEEPEST, _STEEPEST), (0, _STEEPEST)]
        found = minimize(loss, (0.0, 1.0), jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-10})
        fitted[inner] = expit(found.x[0] + found.x[1] * x)
        low, high = fitted[inner].min(), fitted[inner].max()
        fitted[p == 0] = np.minimum(fitted[p == 0], low)
        fitted[p == 1] = np.maximum(fitted[p == 1], high)
    return np.maximum.accumulate(fitted)


def quantiles(forecast: Floats, observed: Floats) -> Curve | None:
    """The observed rain rate of the same frequency, for each of `RATES` that was forecast and observed often enough.

        T(x) = G_o^-1(G_f(x)),    G(x) = share of pixels whose rain rate reaches x

    with lines in log G between the classes. Where it is forecast to be wet more often than it is, T is 0 up to the rate that makes
    both as frequent; where less often, dry pixels stay dry.

    Args:
        forecast: pixels in each class, the dry one first.
        observed: the same of the observation.

    Returns:
        T of the first rates, never falling; None where not even the first is frequent enough.

    Source:
        Panofsky & Brier (1968); Cannon, Sobie & Murdock (2015), doi:10.1175/JCLI-D-14-00754.1.
    """
    reaching = [np.cumsum(counts[::-1])[::-1][1:] for counts in (forecast, observed)]
    often = [int((counts >= _FEWEST_PIXELS).sum()) for counts in reaching]
    if min(often) == 0:
        return None
    said, seen = (
        np.log(counts[:size] / total) for counts, size, total in zip(reaching, often, (forecast.sum(), observed.sum()), strict=True)
    )
    said = said[: int((said >= seen[-1]).sum())]  # what is rarer than the rarest that was observed often enough is left to the last slope
    if said.size == 0:
        return None
    mapped = np.where(said > seen[0], 0.0, np.interp(-said, -seen, RATES[: seen.size]))
    return tuple(np.maximum.accumulate(mapped).tolist())


def decisions(pixels: Floats, events: Floats, *, rates: Curve, thresholds: Curve) -> Curve | None:
    """The map that says an event from the forecast rate on from which it is best said.

        r_L = argmax over r of the critical success index of (F >= r) for (O >= L);    T(r_L) = L, straight in log T and log r between

    and r_L is never below that of a lower threshold. Below the first r_L it is dry.

    Args:
        pixels: (threshold, 1 + rate) in each class of the forecast, what is below the first rate first.
        events: those among them where the threshold was reached.
        rates: lower bounds of the classes, the thresholds among them [mm h-1].
        thresholds: L [mm h-1].

    Returns:
        T at the rates up to the last r_L; None where not even the first threshold was reached on 100 pixels.

    Source:
        The decision that maximises the critical success index is a threshold on the probability of the event: Mason (1979), "On reducing
        probability forecasts to yes/no forecasts"; here on the rain rate that stands for it.
    """
    said, hits = (counts[:, ::-1].cumsum(axis=1)[:, ::-1] for counts in (pixels, events))
    often = int((hits[:, 0] >= _FEWEST_PIXELS).sum())
    if often == 0:
        return None
    csi = (hits / np.maximum(hits[:, :1] + said - hits, 1))[:often, 1:]
    best = np.maximum.accumulate(csi.argmax(axis=1))
    last = {int(place): level for place, level in zip(best, thresholds, strict=False)}  # of thresholds with one rate the highest counts
    places = np.array(list(last))
    nodes = np.log(np.array(rates[: places[-1] + 1]))
    mapped = np.exp(np.interp(nodes, nodes[places], np.log(list(last.values()))))
    mapped[places] = list(last.values())  # to the last digit
    mapped[: places[0]] = 0.0
    return tuple(np.maximum.accumulate(mapped).tolist())


def _curve(fit: Callable[[Floats, Floats, Floats], Floats], p: Floats, events: Floats, pixels: Floats, nodes: Floats) -> Curve:
    """The fitted curve at the nodes; level beyond the outermost probabilities that were forecast."""
    return tuple(np.clip(np.interp(nodes, p, fit(p, events, pixels)), 0, 1).tolist())
