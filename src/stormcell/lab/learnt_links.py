"""From ConvGRU to TrajGRU: fields that turn about a centre, and the links along which a network learns to look."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stormcell.cells import ConvGRU, TrajGRU
from stormcell.cells.cell import unroll
from stormcell.lab.drawing import COLOURS, axes, error_lines, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.relative_error import relative_error

__all__ = ["EXPERIMENT"]

PAST, FUTURE, SIDE, FILMS = 3, 5, 24, 16
TURN = math.radians(20.0)  # a step
RADIUS, HUMPS = 11.0, 40  # of the field that turns [pixels], and how many soft humps it is made of
LINK_COST = 3e-4  # of one pixel squared of a link's length
OFFSET = torch.arange(SIDE) - (SIDE - 1) / 2  # of a pixel from the centre


class Rival(NamedTuple):
    """A cell, from its numbers of input and state channels; how many the latter are; how often its weights are changed."""

    build: Callable[[int, int], ConvGRU | TrajGRU]
    channels: int
    updates: int


RIVALS = {
    "TrajGRU": Rival(partial(TrajGRU, links=1), 8, 400),
    "ConvGRU, 5x5": Rival(partial(ConvGRU, state_kernel=5), 12, 500),
    "ConvGRU, 9x9": Rival(partial(ConvGRU, state_kernel=9), 8, 500),
}


def turning_fields(films: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Past and future of a field of many soft humps that turns about the centre, clockwise on the screen.

    Args:
        films: how many.
        chance: of where the humps are, how wide and how high.

    Returns:
        (film, PAST, 1, y, x) and (film, FUTURE, 1, y, x), from 0 to 1.
    """
    radius = RADIUS * torch.rand(films, HUMPS, 1, generator=chance).sqrt()
    angle = 2 * math.pi * torch.rand(films, HUMPS, 1, generator=chance) + TURN * torch.arange(PAST + FUTURE)
    width = 1.2 + 0.8 * torch.rand(films, HUMPS, 1, 1, generator=chance)
    height = torch.rand(films, HUMPS, 1, 1, generator=chance)
    along_x, along_y = (
        (-(((OFFSET - centre[..., None]) / width) ** 2) / 2).exp()  # (film, hump, time, pixel)
        for centre in (radius * angle.cos(), radius * angle.sin())
    )
    frames = torch.einsum("fhty,fhtx->ftyx", height * along_y, along_x).clamp(0, 1)[:, :, None]
    return frames[:, :PAST], frames[:, PAST:]


class Forecaster(nn.Module):
    """One cell that sees a frame and where each pixel is, and says the next frame; after the last frame it sees its own forecasts.

    Args:
        rival: which cell, how wide.
    """

    def __init__(self, rival: Rival) -> None:
        super().__init__()
        self.cell = rival.build(3, rival.channels)
        self.read_out = nn.Conv2d(rival.channels, 1, 1)
        self.places = nn.Buffer(torch.stack(torch.meshgrid(OFFSET, OFFSET, indexing="xy")) / OFFSET[-1])

    def forward(self, past: Tensor) -> Tensor:
        """From (film, PAST, 1, y, x) to the logits of (film, FUTURE, 1, y, x)."""
        places = self.places.expand(past.shape[0], -1, -1, -1)
        frame, state, forecasts = past[:, 0], None, []
        for step in range(1, PAST + FUTURE):
            output, state = unroll(self.cell, torch.cat((frame, places), 1)[:, None], state)
            logits = self.read_out(output[:, 0])
            frame = past[:, step] if step < PAST else logits.sigmoid()
            forecasts.append(logits)
        return torch.stack(forecasts[PAST - 1 :], 1)

    def links(self, past: Tensor) -> Tensor:
        """How far back a TrajGRU looks from each pixel when it has seen all of the past: (film, x and y, y, x) [pixels]."""
        assert isinstance(self.cell, TrajGRU)
        inputs = torch.cat((past, self.places.expand(*past.shape[:2], -1, -1, -1)), 2)
        _, (state,) = unroll(self.cell, inputs[:, :-1])
        _, to_flow = self.cell.project(inputs[:, -1:].transpose(0, 1))
        return self.cell.flows(to_flow[0], state)[:, 0]


def learn(rival: Rival, what: str, *, seed: int, updates: int | None = None) -> Forecaster:
    """Train one network on films that are never shown twice; links of a TrajGRU cost a little, the more the longer they are."""
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    network = Forecaster(rival)
    links: list[Tensor] = []
    if isinstance(network.cell, TrajGRU):
        network.cell.flow.register_forward_hook(lambda *seen: links.append(seen[-1]))

    def loss(_: int) -> Tensor:
        links.clear()
        past, future = turning_fields(FILMS, chance)
        error = nn.functional.binary_cross_entropy_with_logits(network(past), future)
        return error + LINK_COST * torch.stack(links).square().mean() if links else error

    fit(network.parameters(), loss, what, steps=updates or rival.updates, learning_rate=1e-2, clip=1.0, decay=True)
    return network


def way_turned(x: Tensor, y: Tensor, steps: int) -> Tensor:
    """How far what is at these places has come in so many steps: (2, ...), x and y [pixels]."""
    cos, sin = math.cos(TURN * steps), math.sin(TURN * steps)
    return torch.stack((x - (cos * x + sin * y), y - (cos * y - sin * x)))


def draw_links(films: Mapping[str, Any]) -> Picture:
    """Where the field of each pixel comes from, and where the network looks for it."""
    x, y = (part[1::2, 1::2] for part in torch.meshgrid(OFFSET, OFFSET, indexing="xy"))
    near = torch.hypot(x, y) <= RADIUS - 1
    with style():
        figure, panels = axes(2, height=4.3, sharex=True, sharey=True)
        for panel, title, field in zip(panels, ("motion in two steps", "the learnt links"), (films["motion"], films["links"]), strict=True):
            u, v = torch.tensor(field)[:, 1::2, 1::2]
            panel.imshow(films["now"], cmap="Greys", vmin=0, vmax=2.5, extent=(-SIDE / 2, SIDE / 2, SIDE / 2, -SIDE / 2))
            arrows = [part[near].tolist() for part in (x - u, y - v, u, v)]
            panel.quiver(*arrows, color=COLOURS[0], angles="xy", scale_units="xy", scale=1, width=0.005)
            panel.set(title=title, xlabel="pixels from the centre")
            panel.grid(False)
        panels[0].set_ylabel("pixels from the centre")
    return Picture(
        "links",
        figure,
        "Nobody told the network that the field turns: from each pixel it has learnt to look back along the turn.",
        "Two panels over the same grey field. On the left arrows show the motion in two steps, a turn about the centre, longer further "
        "out. On the right an arrow comes to each pixel from where the TrajGRU looks; they make almost the same turn.",
    )


def draw_errors(networks: Mapping[str, Any]) -> Picture:
    """Error of each network over lead time."""
    leads = list(range(1, FUTURE + 1))
    with style():
        figure, (axis,) = axes(height=3.8)
        error_lines(axis, networks, leads)
        axis.set(xlabel="lead time [steps]", ylabel="error (mean of all films: 1)", xticks=leads, ylim=(0, None))
        figure.legend(loc="outside lower center", ncols=3, fontsize=9.5)
    return Picture(
        "error-by-lead-time",
        figure,
        "One link for each pixel does what a kernel of 81 pixels does not: the TrajGRU is far ahead at every step.",
        "Lines of error against lead time from one to five steps. That of the TrajGRU is lowest at every step, then comes the ConvGRU with "
        "9x9 kernels, then that with 5x5 kernels.",
    )


def run(full: bool) -> Outcome:
    """Every network learns the turn, from one start or three."""
    past, future = turning_fields(300, torch.Generator().manual_seed(1000))
    networks: dict[str, Any] = {}
    with torch.random.fork_rng():
        for name, rival in RIVALS.items():
            learnt = [learn(rival, name, seed=seed) for seed in range(3 if full else 1)]
            with torch.no_grad():
                by_lead = [relative_error(network(past).sigmoid(), future, future.mean(0)) for network in learnt]
                if name == "TrajGRU":
                    links = learnt[0].links(past)
            weights = sum(weight.numel() for weight in learnt[0].parameters())
            networks[name] = {"weights": weights, "updates": rival.updates, "error_by_lead_time": by_lead}
    x, y = torch.meshgrid(OFFSET, OFFSET, indexing="xy")
    motion, inside = way_turned(x, y, steps=2), torch.hypot(x, y) <= RADIUS - 1
    miss = float((links - motion).norm(dim=1)[:, inside].median() / motion.norm(dim=0)[inside].median())
    films = {"now": past[0, -1, 0].tolist(), "motion": motion.tolist(), "links": links[0].tolist()}
    error = {name: float(torch.tensor(each["error_by_lead_time"]).mean()) for name, each in networks.items()}
    lighter = networks["TrajGRU"]["weights"] / min(networks[name]["weights"] for name in RIVALS if name != "TrajGRU")
    checks = (
        Check("weights of the TrajGRU over those of the smaller ConvGRU", lighter, at_most=1.0),
        Check("error of the TrajGRU over that of the ConvGRU with 5x5 kernels", error["TrajGRU"] / error["ConvGRU, 5x5"], at_most=0.5),
        Check("error of the TrajGRU over that of the ConvGRU with 9x9 kernels", error["TrajGRU"] / error["ConvGRU, 9x9"], at_most=0.7),
        Check("how far the links miss where the field was two steps ago, over the way (medians)", miss, at_most=0.3),
    )
    return Outcome({"networks": networks, "links_miss_by": miss, "film": films}, checks, (draw_links(films), draw_errors(networks)))


EXPERIMENT = Experiment(
    title="From ConvGRU to TrajGRU",
    claim="A convolution looks at the same neighbours everywhere, but rain that turns or grows comes from other places at each pixel; a "
    "TrajGRU learns where to look, and needs fewer weights.",
    place="on TrajGRU",
    equations=(
        r"\mathcal{U}_t, \mathcal{V}_t = \gamma(X_t, H_{t-1})",
        r"S_t = \sum_{l=1}^{L} W^l * \mathrm{warp}(H_{t-1}, \mathcal{U}_{t,l}, \mathcal{V}_{t,l})",
    ),
    idea="""The states S from which a TrajGRU makes its gates are not gathered by a kernel but along L links: a small network, gamma, says
    for each pixel and link how far to the left (U) and how far up (V) to look, and the last state is read there, between pixels if need be.

    The world is a field of soft humps that turns about its centre by 20 degrees a step, so that it moves by nothing in the middle and by
    nearly four pixels at its rim, in all directions. All networks see three frames and where each pixel lies, and forecast five. A TrajGRU
    with a single link meets a ConvGRU with 5x5 kernels and about as many weights, and one with 9x9 kernels and more. The ConvGRUs learn
    for a fourth longer. The error is the squared error as a share of what saying the mean of all films would give.

    While it learns, long links cost the TrajGRU a little. Without that the links have more freedom than the forecast needs: what a pixel
    remembers may be kept at any other pixel, as long as the next link finds it there.""",
    shown=(Forecaster, turning_fields, learn, TrajGRU.flows),
    run=run,
    lesson="""The links are the turn. They are two steps long, not one, and that is as it should be: the state of
    a pixel holds the frame that was seen there, and from the state of the step before, the frame before now, it is two steps to the frame
    that comes next.

    A ConvGRU has to reach the same places with a kernel that is the same everywhere, and to choose among them by its gates. With 9x9
    kernels it can, and goes on learning slowly; with 5x5 kernels the rim is out of reach.

    A link is what helps the forecast, and no more: nothing makes it the motion. Take the small cost of long links away, and from some
    starts they come to cross the whole field and back again. On fields of a few separate spots the same network forecasts well with links
    that point anywhere, because it only has to find something bright or something dark.""",
    next=(
        "Set LINK_COST to 0 and start from other seeds. Where do the links point now, and how much does the forecast lose?",
        "Slow the turn down to 10 degrees: does the ConvGRU with 5x5 kernels catch up?",
        "Give the TrajGRU four links. Do they share the work, or do three of them idle?",
        "Take the places away from the inputs: can the networks still know how fast each pixel moves?",
        "Let the field grow from step to step as well as turn.",
    ),
    longer="three starts instead of one.",
)
