"""The lab: the claims of the review as experiments that anyone can run and look at.

Each experiment is one short file here; `EXPERIMENTS` lists them in the order of the book.
"""

from stormcell.lab.experiment import Check, Experiment, Outcome, Picture

__all__ = ["EXPERIMENTS", "Check", "Experiment", "Outcome", "Picture"]

EXPERIMENTS: dict[str, Experiment] = {}
"""In the order of the book."""
