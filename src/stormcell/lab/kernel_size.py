"""The kernel of a ConvLSTM's state against the speed of what moves: what runs faster than the kernel reaches is lost."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.cells import ConvLSTM
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.networks.encoder_forecaster import EncoderForecaster, Stage

__all__ = ["EXPERIMENT"]

KERNELS, CHANNELS = (3, 5, 7), 12
SPEEDS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # pixels a step
PAST, FUTURE, WIDTH = 4, 5, 40
SHOWN = 2.5  # speed of the films that are drawn


def films_on_a_line(films: int, speed: float, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Past and future of a bright spot, three pixels wide, that runs left or right along a line.

    Args:
        films: how many.
        speed: of the spot [pixels a step].
        chance: of directions and starts.

    Returns:
        (film, PAST, 1, 1, WIDTH) and (film, FUTURE, 1, 1, WIDTH), from 0 to 1.
    """
    steps = torch.arange(PAST + FUTURE)
    direction = torch.randint(0, 2, (films, 1), generator=chance) * 2.0 - 1.0
    start = 2.0 + (WIDTH - 4 - speed * steps[-1]) * torch.rand(films, 1, generator=chance)
    centre = torch.where(direction > 0, start, WIDTH - 1 - start) + direction * speed * steps
    frames = (2.0 - (torch.arange(WIDTH) - centre[..., None]).abs()).clamp(0, 1)[:, :, None, None]
    return frames[:, :PAST], frames[:, PAST:]


def learn_a_speed(kernel: int, speed: float, updates: int) -> tuple[float, list[list[float]]]:
    """Error of a network with state kernels of this side on the speed that it learnt, and its forecast of one film.

    The error is squared error over that of an empty forecast: 0 is perfect, 1 as bad as having lost the spot.
    """
    torch.manual_seed(1)
    chance = torch.Generator().manual_seed(1)
    network = EncoderForecaster([Stage(CHANNELS, partial(ConvLSTM, input_kernel=1, state_kernel=kernel))])

    def loss(_: int) -> Tensor:
        past, future = films_on_a_line(32, speed, chance)
        return nn.functional.binary_cross_entropy_with_logits(network(past, FUTURE), future)

    fit(network.parameters(), loss, f"{kernel}x{kernel}, {speed:g} pixels a step", steps=updates, learning_rate=1e-2, clip=1.0)
    past, future = films_on_a_line(500, speed, torch.Generator().manual_seed(1000))
    with torch.no_grad():
        forecast = network(past, FUTURE).sigmoid()
    return float((forecast - future).square().sum() / future.square().sum()), forecast[0, :, 0, 0].tolist()


def draw_films(forecasts: dict[int, list[list[float]]]) -> Picture:
    """One film as a picture of time downwards, the truth and what each kernel makes of it."""
    past, future = (part[0, :, 0, 0].tolist() for part in films_on_a_line(500, SHOWN, torch.Generator().manual_seed(1000)))
    panels = {"truth": past + future, **{f"{kernel}x{kernel}": past + forecasts[kernel] for kernel in KERNELS}}
    with style():
        figure, made = axes(len(panels), height=2.6, sharey=True)
        for panel, (name, rows) in zip(made, panels.items(), strict=True):
            panel.imshow(rows, cmap="gray", vmin=0, vmax=1, aspect="auto", extent=(-0.5, WIDTH - 0.5, FUTURE + 0.5, -PAST + 0.5))
            panel.axhline(0.5, color=COLOURS[5], linewidth=1.5)
            panel.grid(False)
            panel.set(title=name, xlabel="pixel")
        made[0].set_ylabel("steps from now")
    return Picture(
        "one-film",
        figure,
        f"At {SHOWN:g} pixels a step only the 7x7 kernel, which reaches three pixels, keeps up; the others lose the spot after now (line).",
        "Time runs downwards. A bright spot draws a slanted stripe; below the line of now it goes on in the truth and with 7x7 kernels, "
        "and fades with 3x3 and 5x5 kernels.",
    )


def run(full: bool) -> Outcome:
    """Every kernel learns every speed, each alone."""
    updates = 1200 if full else 400
    with torch.random.fork_rng():
        learnt = {kernel: {speed: learn_a_speed(kernel, speed, updates) for speed in SPEEDS} for kernel in KERNELS}
    errors = {kernel: {speed: error for speed, (error, _) in by_speed.items()} for kernel, by_speed in learnt.items()}
    with style():
        figure, (axis,) = axes(height=4.0)
        for number, (kernel, by_speed) in enumerate(errors.items()):
            axis.plot(SPEEDS, list(by_speed.values()), color=COLOURS[number], marker=MARKERS[number], label=f"{kernel}x{kernel}")
            axis.axvline((kernel - 1) / 2, color=COLOURS[number], linestyle=":", linewidth=1.2)
        axis.set(xlabel="speed [pixels a step]", ylabel="squared error over an empty forecast's", ylim=(-0.03, 1.0))
        figure.legend(title="state kernels\n(dotted: their reach)", loc="outside right upper")
    figures: dict[str, Any] = {"error_by_kernel_and_speed": errors, "updates": updates, "channels": CHANNELS}
    checks = (
        Check("3x3 kernels at half a pixel a step: error", errors[3][0.5], at_most=0.05),
        Check("3x3 kernels at 1.5 pixels a step: error", errors[3][1.5], at_least=0.2),
        Check("5x5 kernels at 1.5 pixels a step: error", errors[5][1.5], at_most=0.05),
        Check("5x5 kernels at 2.5 pixels a step: error", errors[5][2.5], at_least=0.15),
        Check("7x7 kernels at 2.5 pixels a step: error", errors[7][2.5], at_most=0.05),
    )
    by_speed_picture = Picture(
        "error-by-speed",
        figure,
        "Each kernel keeps up to the speed that it reaches in one step, and loses what is faster.",
        "Three lines of error over speed: near zero at first, each rises steeply where speed passes half the width of its kernel.",
    )
    return Outcome(figures, checks, (by_speed_picture, draw_films({kernel: learnt[kernel][SHOWN][1] for kernel in KERNELS})))


EXPERIMENT = Experiment(
    title="Kernel size and the speed of motion",
    claim="The faster the motion, the larger the state-to-state kernels of a ConvLSTM have to be.",
    place="on ConvLSTM and its kernels",
    equations=(
        r"i_t = \sigma(W_{xi} * X_t + W_{hi} * H_{t-1} + W_{ci} \circ C_{t-1} + b_i)",
        r"v \le \frac{k - 1}{2}",
    ),
    idea="""The state of a ConvLSTM at a pixel is made from the states around it, as far as the kernel W of its state reaches: a kernel k
    pixels wide sees (k - 1)/2 pixels to each side. So what a pixel knows can travel no further than that in a step, and what moves faster
    should outrun it.

    To see this without anything else, the world is a line of 40 pixels on which a spot runs left or right. A network sees four steps and
    forecasts five. Everything but the state's kernel has a width of one pixel, so nothing else can carry the spot along; each network
    learns one speed only, which is as easy as it can be made.""",
    shown=(learn_a_speed, films_on_a_line, ConvLSTM.step),
    run=run,
    lesson="""The border is where the arithmetic says: up to (k - 1)/2 pixels a step a network learns the motion almost perfectly, beyond it
    no training helps. A little beyond, the first steps are still half right, because a spot is three pixels wide and its near edge is in
    reach; the further ahead, the more is lost.

    In a real network there are other ways to go far: large input kernels, several layers, a coarser grid (a patch or a stride of four
    makes four pixels into one). All of them were used by the networks of the review, and TrajGRU looks where the motion comes from,
    however far.""",
    next=(
        "Give the input a kernel of 5 pixels (input_kernel): what changes, and why only by so much?",
        "Put a second ConvLSTM on top of the first: do their reaches add up?",
        "Let a network learn all speeds at once: is the border still as sharp?",
    ),
    longer="three times as many updates: the borders stay where they are.",
)
