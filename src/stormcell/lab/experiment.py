"""What an experiment of the lab is: a claim of the review, the code that puts it to the test, and what came out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

__all__ = ["Check", "Experiment", "Outcome", "Picture"]


@dataclass(frozen=True)
class Check:
    """A number with which the claim stands or falls.

    Args:
        says: what the number is, and what it has to be, for a reader: "largest difference to linear regression".
        value: what was measured.
        at_least: the claim needs this or more; None for no lower bound.
        at_most: the claim needs this or less; None for no upper bound.
    """

    says: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"a check that nothing can fail: {self.says}")

    @property
    def holds(self) -> bool:
        """Whether the number is within its bounds; NaN is not."""
        above = self.at_least is None or self.value >= self.at_least
        below = self.at_most is None or self.value <= self.at_most
        return above and below and self.value == self.value


@dataclass(frozen=True)
class Picture:
    """A plot that a person reads without help.

    Args:
        name: of its file, without suffix: "gradient-through-layers".
        figure: drawn with `stormcell.lab.drawing`, axes labelled with units.
        message: the one thing to see in it, a sentence.
        description: what is drawn, for somebody who cannot see it.
    """

    name: str
    figure: Figure
    message: str
    description: str


@dataclass(frozen=True)
class Outcome:
    """What one run of an experiment showed.

    Args:
        figures: the numbers that were measured: plain values, lists and dicts, as JSON takes them.
        checks: the numbers with which the claim stands or falls, at least one.
        pictures: one or two.
    """

    figures: Mapping[str, Any]
    checks: Sequence[Check]
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Experiment:
    """A claim of the review as a run of under two minutes on two cores.

    Args:
        title: of its chapter in the book.
        claim: what the review says, in our words.
        place: where it says so: "section 3.1, equation 5".
        equations: in TeX, without dollar signs; each on a line of its own in the book.
        idea: how the claim is put to the test and why that is fair, and what the symbols of the equations are; a few paragraphs of
            plain text, parted by empty lines.
        shown: functions and classes whose source the book quotes: the code that is run, the core of the experiment first.
        run: from whether the long version is wanted to what came out. It seeds itself: the same numbers each time on one machine.
        lesson: what came out, for a reader who looks at the pictures: a paragraph or two that stays true whatever the last digit.
        next: what to try next, a sentence each.
        longer: what the long version does more; empty if there is none.
    """

    title: str
    claim: str
    place: str
    equations: Sequence[str]
    idea: str
    shown: Sequence[Callable[..., Any] | type]
    run: Callable[[bool], Outcome]
    lesson: str
    next: Sequence[str]
    longer: str = field(default="")
