"""Forecasts by a network that is guided: `first_guess` (S-PROG along the motion), `start` (on the network's clock and pixels), `chances`
(how likely each rain rate is exceeded), `decision` (from when on it is said), `fields` (one field of these), `members` (an ensemble) and
`guided`, the method.
"""

from stormcell.methods.guided.guided import GuidedForecast

__all__ = ["GuidedForecast"]
