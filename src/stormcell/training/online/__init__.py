"""Learning from one's own radar while it runs: what came is held against what was said, and the model that serves best is used.

`scans` makes a lesson of scans that have come in, `local_calibration` refits thresholds, slopes and the weight of S-PROG, `guard` keeps the
rolling score that decides, and `online` puts them together with one step of AdaGrad for each lesson, in a folder that survives a restart.
"""

from stormcell.training.online.online import Lesson, Online

__all__ = ["Lesson", "Online"]
