"""Networks that begin from a first guess, in coordinates that move with the rain, and say how likely each rain rate is exceeded.

`anchor` turns what is known without them into probabilities, `residual` is the recurrent network that mends these, `guided` is both
together, `exceedance` is how they learn.
"""

from stormcell.networks.guided.anchor import Anchor
from stormcell.networks.guided.exceedance import LEVELS, exceedance_loss
from stormcell.networks.guided.guided import SCALE, Guided
from stormcell.networks.guided.residual import Residual

__all__ = ["LEVELS", "SCALE", "Anchor", "Guided", "Residual", "exceedance_loss"]
