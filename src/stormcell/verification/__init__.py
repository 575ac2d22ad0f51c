"""Scores for rain under one protocol, `stormcell.verification.score.Score`: sums that add up over cases, days and machines, then
values from the sums.

To add one, write a module with a class that satisfies the protocol and list below how to build it; the contract tests run over
`SCORES`, and docs/verification.md says what each is good for.
"""

from collections.abc import Callable

from stormcell.verification.balanced import Balanced
from stormcell.verification.brier import Brier
from stormcell.verification.contingency import Contingency
from stormcell.verification.continuous import Continuous
from stormcell.verification.crps import CRPS
from stormcell.verification.fss import FSS
from stormcell.verification.hko7 import HKO7
from stormcell.verification.rank_histogram import RankHistogram
from stormcell.verification.sal import SAL
from stormcell.verification.score import Score
from stormcell.verification.spectrum import Spectrum
from stormcell.verification.spread import SpreadError
from stormcell.verification.ssim import SSIM

__all__ = [
    "Balanced",
    "Brier",
    "CRPS",
    "Contingency",
    "Continuous",
    "FSS",
    "HKO7",
    "RankHistogram",
    "SAL",
    "SCORES",
    "SSIM",
    "Score",
    "Spectrum",
    "SpreadError",
]

SCORES: dict[str, Callable[[], Score]] = {
    # of single fields: the only member, or the mean of the ensemble
    "balanced": Balanced,
    "contingency": Contingency,
    "continuous": Continuous,
    "fss": FSS,
    "hko-7": HKO7,  # the benchmark as a whole
    "sal": SAL,
    "spectrum": Spectrum,  # of the members' own spectra
    "ssim": SSIM,
    # of ensembles
    "brier": Brier,
    "crps": CRPS,
    "rank-histogram": RankHistogram,
    "spread": SpreadError,
}
