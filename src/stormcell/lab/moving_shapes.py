"""From LSTM to ConvLSTM: discs that drift, forecast as a long list of numbers and as an image."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stormcell.cells.convlstm import ConvLSTM
from stormcell.lab.drawing import axes, error_lines, style
from stormcell.lab.drifting_discs import drifting_discs
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.relative_error import relative_error
from stormcell.networks.encoder_forecaster import EncoderForecaster, Stage
from stormcell.networks.sequence import FCLSTMForecaster

__all__ = ["EXPERIMENT"]

PAST, FUTURE, SIDE, FILMS = 4, 4, 16, 32


class Rival(NamedTuple):
    """A network, how often its weights are changed, and by what step."""

    build: Callable[[], nn.Module]
    updates: int
    learning_rate: float


RIVALS = {
    "FC-LSTM": Rival(lambda: FCLSTMForecaster(SIDE**2, (256,)), 800, 2e-3),
    "ConvLSTM": Rival(lambda: EncoderForecaster([Stage(12, partial(ConvLSTM, input_kernel=3, state_kernel=5))]), 700, 5e-3),
}


def films_of(films: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Past and future of two discs that drift by 0.5 to 1.5 pixels a step."""
    frames = drifting_discs(films, PAST + FUTURE, SIDE, (0.5, 1.5), chance, discs=2, radius=1.5)
    return frames[:, :PAST], frames[:, PAST:]


def learn(rival: Rival, what: str, *, updates: int, seed: int) -> nn.Module:
    """Train one network on films that are never shown twice."""
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    network = rival.build()

    def loss(step: int) -> Tensor:
        past, future = films_of(FILMS, chance)
        return nn.functional.binary_cross_entropy_with_logits(network(past, FUTURE), future)

    fit(network.parameters(), loss, what, steps=updates, learning_rate=rival.learning_rate, clip=1.0)
    return network


def draw_films(films: Mapping[str, Any]) -> Picture:
    """The past of one film, its future, and both forecasts of it."""
    rows = {"truth": films["past"] + films["truth"], **{name: [None] * PAST + films[name] for name in RIVALS}}
    with style():
        figure, cells = axes(PAST + FUTURE, len(rows), height=1.15)
        for number, (name, frames) in enumerate(rows.items()):
            for step, frame in enumerate(frames):
                cell = cells[number * (PAST + FUTURE) + step]
                cell.grid(False)
                if frame is None:
                    cell.axis("off")
                    continue
                cell.imshow(frame, cmap="gray", vmin=0, vmax=1)
                cell.set(xticks=[], yticks=[])
                if number == 0:
                    cell.set_title(f"{step - PAST + 1:+d}" if step != PAST - 1 else "now", fontsize=10, fontweight="normal", loc="center")
            cells[number * (PAST + FUTURE) + (0 if number == 0 else PAST)].set_ylabel(name)
    return Picture(
        "film",
        figure,
        "The ConvLSTM begins with a sharp image that spreads and fades from step to step; the FC-LSTM is a cloud from the start.",
        "A strip of eight frames in which two white discs, close together, drift over black, the last four of them the future, "
        "numbered in steps from now. "
        "Below, under the future frames, the forecasts of the FC-LSTM and of the ConvLSTM.",
    )


def draw_errors(figures: Mapping[str, Any]) -> Picture:
    """Error over lead time of each network, and of leaving the last frame where it is."""
    leads = list(range(1, FUTURE + 1))
    with style():
        figure, (axis,) = axes(height=3.8)
        error_lines(axis, figures["networks"], leads)
        axis.plot(leads, figures["persistence_error_by_lead_time"], "--", color="#555555", label="the last frame stays")
        axis.set(xlabel="lead time [steps]", ylabel="error (empty forecast: 1)", xticks=leads, ylim=(0, None))
        figure.legend(loc="outside lower center", ncols=3, fontsize=9.5)
    return Picture(
        "error-by-lead-time",
        figure,
        "With a small part of the weights, the ConvLSTM is far ahead at the first step; the lead shrinks with lead time.",
        "Lines of error against lead time from one to four steps. The ConvLSTM begins far below the FC-LSTM and rises towards it; leaving "
        "the last frame where it is ends far above both.",
    )


def run(full: bool) -> Outcome:
    """Both networks, from one start or three."""
    seeds, longer = (range(3), 3) if full else (range(1), 1)
    past, future = films_of(300, torch.Generator().manual_seed(1000))
    networks: dict[str, Any] = {}
    films: dict[str, Any] = {"past": past[0, :, 0].tolist(), "truth": future[0, :, 0].tolist()}
    with torch.random.fork_rng(), torch.no_grad():
        for name, rival in RIVALS.items():
            start, by_lead = time.process_time(), []
            for seed in seeds:
                with torch.enable_grad():
                    network = learn(rival, name, updates=longer * rival.updates, seed=seed)
                forecast = network(past, FUTURE).sigmoid()
                by_lead.append(relative_error(forecast, future, 0.0))
            films[name] = forecast[0, :, 0].tolist()
            networks[name] = {
                "weights": sum(weight.numel() for weight in network.parameters()),
                "updates": longer * rival.updates,
                "processor_seconds_a_start": (time.process_time() - start) / len(seeds),
                "error_by_lead_time": by_lead,
            }
    figures = {
        "networks": networks,
        "persistence_error_by_lead_time": relative_error(past[:, -1:].expand_as(future), future, 0.0),
        "film": films,
    }
    mean = {name: torch.tensor(each["error_by_lead_time"]).mean(0) for name, each in networks.items()}
    share = networks["ConvLSTM"]["weights"] / networks["FC-LSTM"]["weights"]
    checks = (
        Check("weights of the ConvLSTM over those of the FC-LSTM", share, at_most=0.1),
        Check(
            "error of the ConvLSTM over that of the FC-LSTM, one step ahead", float(mean["ConvLSTM"][0] / mean["FC-LSTM"][0]), at_most=0.5
        ),
        Check("the same, mean over the lead times", float(mean["ConvLSTM"].mean() / mean["FC-LSTM"].mean()), at_most=0.9),
    )
    return Outcome(figures, checks, (draw_films(films), draw_errors(figures)))


EXPERIMENT = Experiment(
    title="From LSTM to ConvLSTM",
    claim="An LSTM that takes an image as a list of numbers has far too many connections and does not know which pixels are neighbours; a "
    "ConvLSTM, with convolutions in place of the matrix products, forecasts moving shapes better with a fraction of the weights.",
    place="on the fully connected LSTM and the convolutional LSTM",
    equations=(
        r"i_t = \sigma(W_{xi} * x_t + W_{hi} * h_{t-1} + w_{ci} \odot c_{t-1} + b_i)",
        r"f_t = \sigma(W_{xf} * x_t + W_{hf} * h_{t-1} + w_{cf} \odot c_{t-1} + b_f)",
        r"c_t = f_t \odot c_{t-1} + i_t \odot \tanh(W_{xc} * x_t + W_{hc} * h_{t-1} + b_c)",
        r"o_t = \sigma(W_{xo} * x_t + W_{ho} * h_{t-1} + w_{co} \odot c_t + b_o), \quad h_t = o_t \odot \tanh(c_t)",
    ),
    idea="The equations are an LSTM's, but x, h and c are images and the star is a convolution: a small kernel of weights that is laid on "
    "every place of the image in turn. With the star read as a matrix product they are the fully connected LSTM, or FC-LSTM, which "
    "learns a weight for every pair of a pixel and a unit, and has to learn anew at every place what a disc looks like and moves like.\n\n"
    "Two discs drift over 16 x 16 pixels, each in a direction and at a speed of its own. A network sees four frames and forecasts the "
    "next four: one cell reads, a second one begins with its state and writes. The films are made while they are asked for, so nothing "
    "can be learnt by heart. Both networks are judged on the same new films. The FC-LSTM may change its weights about three times as "
    "often; the processor seconds of both are among the figures.\n\n"
    "The error is the squared error as a share of that of an empty forecast: 0 is perfect, and at 1 the discs are lost.",
    shown=(learn, relative_error, ConvLSTM.step),
    run=run,
    lesson="With less than a tenth of the weights, and fewer updates, the ConvLSTM makes the smaller error on the whole. What it learns of "
    "a disc at one place holds at every other; the FC-LSTM must see discs at all places, in all directions, before it can say more than "
    "where about they are.\n\n"
    "The lead is largest one step ahead and shrinks with every step: by the fourth, after this short training, the two are about level, "
    "and either may be in front. The claim is confirmed here for the error as a whole, not for each lead time. Fewer weights are not less "
    "work either: each is used at every pixel, and one update of the ConvLSTM takes several times as long.\n\n"
    "A forecast that is unsure becomes a cloud, since a cloud costs less squared error than a disc at the wrong place.",
    next=(
        "Halve and double the units of the FC-LSTM: how many weights does it need, and does it get there?",
        "Train on 16 x 16 pixels and forecast on 32 x 32: the ConvLSTM can, the FC-LSTM cannot even take the frames.",
        "Count the weights of an FC-LSTM for a radar image of 480 x 480 pixels.",
    ),
    longer="three starts of each network, and three times as many updates.",
)
