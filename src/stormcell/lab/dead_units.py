"""ReLU units that die of too long a stride, what a leak changes, and when it does no harm that they die."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.networks.feedforward import MLP

__all__ = ["EXPERIMENT"]

UNITS, INPUTS, SAMPLES, UPDATES = 64, 10, 512, 300
STRIDES = (0.003, 0.01, 0.03, 0.1, 0.3)
GENTLE, HARSH = 0.01, 0.1


def silent_units(network: MLP, inputs: Tensor) -> Tensor:
    """(units,) bool: whose sum W x + b in the first layer is negative for every sample. With ReLU they are dead: no gradient at all."""
    with torch.no_grad():
        silent: Tensor = (network.layers[0](inputs) <= 0).all(0)
        return silent


def samples(count: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Ten inputs from 0 to 1, as rain is never below 0, of which only the first matters: y = |2 x_1 - 1|."""
    inputs = torch.rand(count, INPUTS, generator=chance)
    return inputs, (2 * inputs[:, :1] - 1).abs()


def learn(network: MLP, stride: float, what: str, *, seed: int, updates: int = UPDATES) -> tuple[list[float], float]:
    """Learn from all samples at each update; the share of silent units before each, and the error on new samples over their variance."""
    chance = torch.Generator().manual_seed(seed)
    inputs, wanted = samples(SAMPLES, chance)
    shares: list[float] = []

    def loss(_: int) -> Tensor:
        shares.append(float(silent_units(network, inputs).float().mean()))
        return functional.mse_loss(network(inputs), wanted)

    fit(network.parameters(), loss, what, steps=updates, learning_rate=stride)
    unseen, answers = samples(2000, chance)
    with torch.no_grad():
        return shares, float(functional.mse_loss(network(unseen), answers) / answers.var())


@torch.no_grad()
def without(network: MLP, units: Tensor) -> MLP:
    """The same network with one hidden layer, of which these units have been taken out."""
    smaller = MLP(INPUTS, [int((~units).sum())], 1, activation=network.activation)
    first, last = network.layers
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    smaller.layers[0].load_state_dict({"weight": first.weight[~units], "bias": first.bias[~units]})
    smaller.layers[1].load_state_dict({"weight": last.weight[:, ~units], "bias": last.bias})
    return smaller


def start(activation: str, seed: int) -> MLP:
    """A network with one hidden layer, the same for either activation."""
    torch.manual_seed(seed)
    return MLP(INPUTS, [UNITS], 1, activation=activation)


def gone_on(dead: MLP, activation: str, *, seed: int) -> float:
    """Error of a copy that goes on with a gentle stride and this activation."""
    copy = start(activation, seed)
    copy.load_state_dict(dead.state_dict())
    return learn(copy, GENTLE, f"{activation} goes on", seed=seed, updates=6 * UPDATES)[1]


def mean(values: list[float]) -> float:
    """Over the starts."""
    return sum(values) / len(values)


def draw(figures: Mapping[str, Any]) -> Picture:
    """Dead units over training, and the error of either activation over the stride."""
    with style():
        figure, (share, error) = axes(2, height=4.6)
        for number, (stride, shares) in enumerate(figures["share_of_dead_units_by_update"].items()):
            share.plot([100 * one for one in shares], color=COLOURS[number], marker=MARKERS[number], markevery=50, label=f"stride {stride}")
        share.set(xlabel="update", ylabel="dead ReLU units [%]", ylim=(-3, 103))
        for number, (name, errors) in enumerate(figures["error_over_variance_by_stride"].items()):
            label = name.replace("_", " ").replace("relu", "ReLU")
            error.loglog(STRIDES, errors, color=COLOURS[number], marker=MARKERS[number], label=label)
        error.axhline(1.0, color="black", linewidth=1.0, linestyle="--", label="always says the mean")
        error.set_xticks(STRIDES, [str(stride) for stride in STRIDES])
        error.minorticks_off()
        error.set(xlabel="stride (learning rate of Adam)", ylabel="error on new samples, over variance")
        for one in (share, error):
            one.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3 if one is share else 2)
    return Picture(
        "dead-units",
        figure,
        "Too long a stride kills every ReLU unit within a few updates; with a stride that suits, some die and nothing is lost.",
        "Left: share of dead units against the update, a line for each stride. It ends at 100 % for the longest strides and at a part for "
        "the shortest. Right: error on new samples against the stride, both scales logarithmic, for ReLU and leaky ReLU, with a dashed "
        "line at 1; ReLU reaches that line where all its units are dead.",
    )


def run(full: bool) -> Outcome:
    """Learn with every stride and both activations; then let the dead networks go on."""
    seeds = range(10 if full else 3)
    shares: dict[float, list[float]] = {}
    errors: dict[str, list[float]] = {"relu": [], "leaky_relu": []}
    harsh: dict[str, list[float]] = {}
    dead_of_gentle, changed, on = [], [], {"relu": [], "leaky_relu": []}  # type: tuple[list[float], list[float], dict[str, list[float]]]
    with torch.random.fork_rng():
        for stride in STRIDES:
            for name, by_stride in errors.items():
                networks = [start(name, seed) for seed in seeds]
                each = [learn(one, stride, f"{name}, {stride}", seed=seed) for seed, one in zip(seeds, networks, strict=True)]
                by_stride.append(mean([error for _, error in each]))
                if stride == HARSH:
                    harsh[name] = [error for _, error in each]
                if name != "relu":
                    continue
                shares[stride] = [mean(list(at)) for at in zip(*(share for share, _ in each), strict=True)]
                for seed, network in zip(seeds, networks, strict=True):
                    inputs, _ = samples(SAMPLES, torch.Generator().manual_seed(seed))
                    silent = silent_units(network, inputs)
                    if stride == GENTLE:
                        dead_of_gentle.append(float(silent.float().mean()))
                        with torch.no_grad():
                            changed.append(float((network(inputs) - without(network, silent)(inputs)).abs().max()))
                    if stride == HARSH:
                        for activation, ends in on.items():
                            ends.append(gone_on(network, activation, seed=seed))
    figures = {
        "share_of_dead_units_by_update": shares,
        "strides": list(STRIDES),
        "error_over_variance_by_stride": errors,
        f"error_over_variance_of_each_start_with_stride_{HARSH}": harsh,
        "error_over_variance_of_dead_networks_that_go_on": on,
        "share_of_dead_units_with_gentle_stride": dead_of_gentle,
        "largest_change_of_answers_without_dead_units": changed,
    }
    gentle = STRIDES.index(GENTLE)
    checks = (
        Check(f"share of dead ReLU units at the end, stride {HARSH}", shares[HARSH][-1], at_least=0.9),
        Check("error of those that go on as ReLU with a gentle stride, over the variance", min(on["relu"]), at_least=0.5),
        Check(f"stride {HARSH}: error of the best start as ReLU, over the variance", min(harsh["relu"]), at_least=0.9),
        Check(f"stride {HARSH}: error of the best start as leaky ReLU, over the variance", min(harsh["leaky_relu"]), at_most=0.3),
        Check("share of dead ReLU units with a gentle stride", mean(dead_of_gentle), at_least=0.05),
        Check("error with a gentle stride, over the variance, in spite of them", errors["relu"][gentle], at_most=0.03),
        Check("largest change of any answer when the dead units are taken out", max(changed), at_most=1e-5),
    )
    return Outcome(figures, checks, (draw(figures),))


EXPERIMENT = Experiment(
    title="Dead units",
    claim="ReLU units can die: their gradient is 0 for every sample, and they stay as they are. A leak keeps a gradient; but that "
    "units die is sometimes right.",
    place="on dead units and leaky ReLU, among the remedies for vanishing gradients",
    equations=(
        r"\mathrm{ReLU}(v) = \max(0, v), \qquad \mathrm{LeakyReLU}(v) = \max(0.01 \, v, v)",
        r"\frac{\partial L}{\partial w} = \sum_x \frac{\partial L}{\partial y} f'(w \cdot x + b) \, x = 0 \quad "
        r"\text{if } w \cdot x + b < 0 \text{ for all } x",
    ),
    idea="Where the sum v = w x + b that goes into a ReLU is negative, its slope is 0. If that is so for every sample x, no gradient moves "
    "the unit's weights any more (second line). One update that is too large can bring that about, most easily where all inputs are "
    "positive: then negative weights make every sum negative.\n\n"
    "A network with 64 hidden units learns a bend, |2 x - 1| of the first of ten inputs; the other nine do not matter. "
    "It does so with shorter and longer strides, as ReLU and as leaky ReLU, from several starts. Networks that died of the longest stride "
    "then go on with a short one, either as they are or with a leak.\n\n"
    "Few units are enough for a bend, so most of the 64 are not needed. To see whether the dead among them are missed, they are "
    "taken out of the networks that learnt well.",
    shown=(silent_units, learn, without),
    run=run,
    lesson="With long strides all units are dead after a few updates, and such a network says one number whatever it sees, for ever: a "
    "short stride later does not help, for there is no gradient to go along. A leak keeps a way open, no more: only a hundredth of the "
    "gradient comes through, and where a ReLU network had died, some starts find their way back in the time they are given here and others "
    "do not (the figures have them all). Of the networks that leak from the beginning, some learn with a "
    "stride at which every ReLU network dies, others do not. The remedy "
    "that works is the shorter stride.\n\n"
    "With a stride that suits, some units die too, and the network learns well all the same. They can be taken out without any "
    "change of an answer: the task needs fewer units than there are, and dying is how the network drops them. A dead unit is a fault when "
    "it was needed, and tidiness when it was not; its share alone does not tell, the error does.",
    next=(
        "Draw the inputs from -1 to 1: how long does the stride have to be now before all units die?",
        "Begin with 4 units instead of 64, and see whether a dead one is missed.",
        "Give all biases the value 1 at the start, and count again.",
    ),
    longer="ten starts instead of three.",
)
