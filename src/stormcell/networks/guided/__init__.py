"""Networks that begin from a first guess, in coordinates that move with the rain, and say how likely each rain rate is exceeded.

`anchor` turns what is known without them into probabilities, `residual` is the recurrent network that mends these, `carried` takes it to
where the rain will be, `guided` is all together, `exceedance` is how they learn.
"""

from stormcell.networks.guided.anchor import Anchor
from stormcell.networks.guided.carried import at_places, paths_back
from stormcell.networks.guided.exceedance import LEVELS, exceedance_loss
from stormcell.networks.guided.guided import ADDED, SCALE, Guided, carried_rain
from stormcell.networks.guided.residual import Residual

__all__ = ["ADDED", "LEVELS", "SCALE", "Anchor", "Guided", "Residual", "at_places", "carried_rain", "exceedance_loss", "paths_back"]
