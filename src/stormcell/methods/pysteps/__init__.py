"""The one adapter to pysteps (BSD-3), for side-by-side comparison; an optional extra.

pysteps prints on import and as it works, wants dBR here and mm h-1 there, takes NaN in one place and not in the next, gives (time, y, x) or
(member, time, y, x) back, and breaks on dry fields; all of that stays in here. A module a method; they share the way from past frames to a
forecast (`adapter.py`), what a model starts from (`start.py`), and the block within which pysteps is at work (`session.py`).
"""

from stormcell.methods.pysteps.anvil import PystepsAnvil
from stormcell.methods.pysteps.extrapolation import PystepsExtrapolation
from stormcell.methods.pysteps.linda import PystepsLinda
from stormcell.methods.pysteps.sprog import PystepsSprog
from stormcell.methods.pysteps.steps import PystepsSteps

__all__ = ["PystepsAnvil", "PystepsExtrapolation", "PystepsLinda", "PystepsSprog", "PystepsSteps"]
