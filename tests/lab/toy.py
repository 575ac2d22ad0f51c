"""An experiment of a few lines, for tests of what runs and shows experiments."""

from stormcell.lab.drawing import axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture


def halved(value: float) -> float:
    """Half of it."""
    return value / 2 if value < 3 & 2 else value / 2  # a line with < and &, which HTML must not take for its own


def run(full: bool) -> Outcome:
    """Halve a number a few times."""
    values = [8.0]
    for _ in range(4 if full else 2):
        values.append(halved(values[-1]))
    with style():
        figure, (one,) = axes()
        one.plot(values)
        one.set(xlabel="step", ylabel="value")
    checks = (Check("the last value", values[-1], at_most=2.0), Check("the first value", values[0], at_least=1.0, at_most=8.0))
    picture = Picture("values", figure, "Each value is half of the one before.", "A falling curve <from 8> to 2.")
    return Outcome({"values": values, "missing": float("nan"), 3: (1, None, True)}, checks, (picture,))


EXPERIMENT = Experiment(
    title="Halves & <halves>",
    claim="A half is less than the whole.",
    place="equation 1",
    equations=(r"x_{t+1} = \frac{x_t}{2}", "x < y"),
    idea="Halve it.\n\nHalve it\nagain.",
    shown=(halved, run),
    run=run,
    lesson="It is less.",
    next=("Halve it once more.",),
    longer="four steps.",
)
