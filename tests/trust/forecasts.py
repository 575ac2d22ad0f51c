"""Forecasts of many methods into a file, with a number of threads: `python -m tests.trust.forecasts FILE.npz THREADS METHOD...`."""

import sys

import cv2
import numpy as np

from stormcell.data.synthetic import synthetic_storm
from stormcell.methods import METHODS
from stormcell.timeline import minutes


def main(file: str, threads: int, *names: str) -> None:
    cv2.setNumThreads(threads)
    if any(name in ("guided", "convgru", "convlstm", "predrnn", "trajgru") for name in names):
        import torch

        torch.set_num_threads(threads)
    storm = synthetic_storm(6, shape=(80, 80), seed=3)
    made = {name: METHODS[name]()(storm, minutes(5, 20, step=5), seed=1).values for name in names}
    if "steps" in names:
        made["steps*3"] = METHODS["steps"]()(storm, minutes(5, 20, step=5), members=3, seed=1).values
    np.savez(file, **made)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
