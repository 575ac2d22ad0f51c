"""Echo-state networks: a random network that is never trained remembers, and a linear read-out makes forecasts of it."""

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.cells.cell import unroll
from stormcell.cells.echo_state import EchoState, RidgeReadout
from stormcell.cells.fused import unroll_fused
from stormcell.cells.rnn import RNN
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.mackey_glass import mackey_glass
from stormcell.progress import track

__all__ = ["EXPERIMENT"]

UNITS = 100  # of the reservoir whose memory is measured
DELAYS = 120
RADII = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.2, 1.5, 2.0)
DRAWN = (0.3, 0.9, 2.0)
WARM_UP, LEARNT, TESTED = 200, 3000, 3000  # steps

SERIES_UNITS, READ, AHEAD = 300, 2100, 84  # units, steps learnt from, steps of a forecast
SERIES_RADII = (0.1, 0.3, 0.5, 0.8, 1.0, 1.25, 1.5, 2.0)
CHOSEN = 1.25
UPDATES = 200  # of the network that is trained by gradients


def recalled(radius: float, *, units: int, seed: int) -> Tensor:
    """Squared correlation of the random input so many steps ago with what the read-out says it was, (delays,), on unseen steps."""
    cell = EchoState(1, units, spectral_radius=radius, density=0.2, input_scaling=0.1, seed=seed).double()
    chance = torch.Generator().manual_seed(1000 + seed)
    heard = 2.0 * torch.rand(WARM_UP + LEARNT + TESTED, generator=chance, dtype=torch.float64) - 1.0
    with torch.no_grad():
        states = unroll(cell, heard[None, :, None])[0][0]
    asked = torch.stack([heard.roll(delay) for delay in range(1, DELAYS + 1)], dim=1)
    learn, test = slice(WARM_UP, WARM_UP + LEARNT), slice(WARM_UP + LEARNT, None)
    readout = RidgeReadout(units, DELAYS, ridge=1e-9).double()
    readout.add(states[learn], asked[learn])
    readout.fit()
    return correlation(readout(states[test]), asked[test]).square()


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Over the first axis, column by column; 0 where a column does not vary."""
    one, other = one - one.mean(0), other - other.mean(0)
    return (one * other).sum(0) / (one.square().sum(0) * other.square().sum(0)).sqrt().clamp_min(1e-300)


class Forecaster:
    """A reservoir that has read a series, and the read-out of the next value; forecasts feed on themselves."""

    def __init__(self, series: Tensor, radius: float, *, units: int, seed: int) -> None:
        self.cell = EchoState(1, units, leak=0.3, spectral_radius=radius, density=0.2, seed=seed).double()
        self.before = {name: value.clone() for name, value in self.cell.state_dict().items()}
        self.readout = RidgeReadout(units, 1, ridge=1e-8).double()
        with torch.no_grad():
            states = unroll(self.cell, series[None, :-1, None])[0][0, 100:]
        start = time.process_time()
        self.readout.add(states, series[101:, None])
        self.readout.fit()
        self.milliseconds = 1000 * (time.process_time() - start)

    @torch.no_grad()
    def __call__(self, pasts: Tensor, steps: int) -> Tensor:
        """(batch, steps) that follow `pasts` (batch, time): each forecast is the next step's input."""
        outputs, state = unroll(self.cell, pasts[..., None])
        guesses = [self.readout(outputs[:, -1:])]
        for _ in range(steps - 1):
            outputs, state = unroll(self.cell, guesses[-1], state)
            guesses.append(self.readout(outputs))
        return torch.cat(guesses, dim=1)[..., 0]

    def moved(self) -> float:
        """How far the reservoir's weights have moved since it was made."""
        return max(float((value - self.before[name]).abs().max()) for name, value in self.cell.state_dict().items())


def trained_by_gradients(series: Tensor) -> tuple[RNN, nn.Linear, float]:
    """A plain recurrent network of the same size, all its weights learnt by back-propagation; and the seconds of processor it took."""
    cell, head = RNN(1, SERIES_UNITS), nn.Linear(SERIES_UNITS, 1)
    pieces = series[:READ].float().unfold(0, 151, 75)
    inputs, targets = pieces[:, :-1, None], pieces[:, 51:]

    def loss(step: int) -> Tensor:
        outputs, _ = unroll_fused(cell, inputs)
        return nn.functional.mse_loss(head(outputs[:, 50:])[..., 0], targets)

    start = time.process_time()
    fit([*cell.parameters(), *head.parameters()], loss, "back-propagation", steps=UPDATES, learning_rate=1e-3, clip=1.0)
    return cell, head, time.process_time() - start


def errors_ahead(guesses: Tensor, starts: Tensor, series: Tensor) -> Tensor:
    """Root mean square error of forecasts that begin at `starts`, in standard deviations of the series, (steps,)."""
    truth = torch.stack([series[start : start + guesses.shape[1]] for start in starts.tolist()])
    return (guesses - truth).square().mean(0).sqrt() / series.std()


def draw(figures: Mapping[str, Any]) -> tuple[Picture, Picture]:
    """Memory against delay and radius; the forecast, and its error against radius."""
    with style():
        memory, (left, right) = axes(2)
        by_delay = figures["squared_correlation_by_delay_of_1_and_more_steps"]
        for (radius, curve), colour, dashes in zip(by_delay.items(), COLOURS, ("-", "--", ":"), strict=False):
            left.plot(range(1, DELAYS + 1), curve, dashes, color=colour, label=f"spectral radius {radius}")
        left.set(xlabel="delay [steps]", ylabel="squared correlation", xlim=(0, 60), ylim=(0, 1.05))
        left.legend()
        capacity = figures["memory_capacity_by_spectral_radius"]
        right.plot(list(capacity), [sum(each) / len(each) for each in capacity.values()], color=COLOURS[0])
        for radius, each in capacity.items():
            right.plot([radius] * len(each), each, MARKERS[0], color=COLOURS[0], markersize=4)
        right.axhline(UNITS, color=COLOURS[1], linestyle="--")
        right.text(0.1, UNITS - 2, "number of units", color=COLOURS[1], va="top")
        right.set(xlabel="spectral radius", ylabel="memory capacity [steps]", ylim=(0, UNITS * 1.05))

        forecast, (above, below) = axes(rows=2, height=3.0)
        above.plot(figures["series_truth"], color=COLOURS[6], label="series")
        above.plot(figures["series_forecast"], "--", color=COLOURS[1], label="forecast, fed on itself from step 0")
        above.set(xlabel="step", ylabel="value", ylim=(-0.85, 0.75))
        above.legend(ncols=2, loc="upper right")
        for number, (ahead, key) in enumerate((("1 step", "1_step"), ("84 steps", "84_steps"))):
            errors = figures[f"error_{key}_ahead_in_standard_deviations_by_spectral_radius"]
            means = [math.exp(sum(math.log(one) for one in each) / len(each)) for each in errors.values()]
            below.semilogy(
                list(errors), means, marker=MARKERS[number], linestyle=("-", "--")[number], color=COLOURS[number], label=f"{ahead} ahead"
            )
        below.axhline(1.0, color="#777777", linewidth=1.0)
        below.text(0.1, 1.2, "the mean as forecast", color="#555555", va="bottom")
        below.set(xlabel="spectral radius", ylabel="error [standard deviations]")
        below.legend(loc="upper center")
    return (
        Picture(
            "memory",
            memory,
            "The reservoir's memory grows with the spectral radius up to about 1 and is lost well above.",
            "Left, the squared correlation of the input so many steps ago with what the read-out says it was, falling from 1 to 0 with the "
            "delay, latest for a radius of 0.9. Right, the sum over all delays against the spectral radius, one dot a reservoir.",
        ),
        Picture(
            "forecast",
            forecast,
            "A linear read-out of a random network continues a chaotic series for hundreds of steps, if the spectral radius is right.",
            "Above, the series and a forecast of 500 steps fed on itself. Below, the error 1 and 84 steps ahead against the spectral "
            "radius: it falls by a factor of ten or more up to about 1.25 and rises steeply beyond 1.5.",
        ),
    )


def run(full: bool) -> Outcome:
    """Memory of reservoirs of several radii, then a chaotic series read and forecast."""
    seeds = range(10 if full else 3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        curves = {
            radius: torch.stack([recalled(radius, units=UNITS, seed=seed) for seed in seeds]) for radius in track(RADII, "measuring memory")
        }
        capacity = {radius: each.sum(1) for radius, each in curves.items()}

        series = mackey_glass(READ + 1200, seed=0)
        starts = torch.arange(READ + 200, READ + 1100, 20)
        pasts = torch.stack([series[start - 200 : start] for start in starts.tolist()])
        forecasters = {
            radius: [Forecaster(series[:READ], radius, units=SERIES_UNITS, seed=seed) for seed in seeds]
            for radius in track(SERIES_RADII, "reading the series")
        }
        errors = {
            radius: torch.stack([errors_ahead(one(pasts, AHEAD), starts, series) for one in each]) for radius, each in forecasters.items()
        }
        cell, head, seconds = trained_by_gradients(series)
        with torch.no_grad():
            outputs, _ = unroll_fused(cell, pasts.float()[..., None])
            trained_error = errors_ahead(head(outputs[:, -1]), starts, series)
    chosen = forecasters[CHOSEN]
    film = chosen[0](pasts[:1], 500)[0]
    truth = series[int(starts[0]) :][:500]
    figures = {
        "units": UNITS,
        "memory_capacity_by_spectral_radius": {radius: each.tolist() for radius, each in capacity.items()},
        "squared_correlation_by_delay_of_1_and_more_steps": {radius: curves[radius].mean(0).tolist() for radius in DRAWN},
        "error_1_step_ahead_in_standard_deviations_by_spectral_radius": {radius: each[:, 0].tolist() for radius, each in errors.items()},
        "error_84_steps_ahead_in_standard_deviations_by_spectral_radius": {radius: each[:, -1].tolist() for radius, each in errors.items()},
        "series_truth": truth.tolist(),
        "series_forecast": film.tolist(),
        "fitted_weights": chosen[0].readout.weight.numel(),
        "fixed_weights": sum(buffer.numel() for buffer in chosen[0].cell.buffers()),
        "milliseconds_to_fit_the_read_out": [one.milliseconds for one in chosen],
        "back_propagation": {
            "updates": UPDATES,
            "processor_seconds": seconds,
            "error_1_step_ahead_in_standard_deviations": float(trained_error[0]),
        },
    }
    mean = {radius: float(each.mean()) for radius, each in capacity.items()}
    one_step, far = errors[CHOSEN][:, 0], errors[CHOSEN][:, -1]
    checks = (
        Check(
            "the largest memory capacity, of 100 units: below their number",
            max(float(each.max()) for each in capacity.values()),
            at_most=UNITS,
        ),
        Check("memory at a spectral radius of 0.9 over that at 0.3", mean[0.9] / mean[0.3], at_least=1.8),
        Check("memory at a spectral radius of 2.0 over that at 0.9", mean[2.0] / mean[0.9], at_most=0.2),
        Check("largest error one step ahead [standard deviations]", float(one_step.max()), at_most=2e-3),
        Check("largest error 84 steps ahead, the forecast fed on itself [standard deviations]", float(far.max()), at_most=0.03),
        Check("how far the reservoir's weights moved", max(one.moved() for one in chosen), at_most=0.0),
        Check(
            "processor time of back-propagation over that of the fit", 1000 * seconds / max(one.milliseconds for one in chosen), at_least=50
        ),
        Check("error one step ahead after back-propagation over that of the fit", float(trained_error[0] / one_step.mean()), at_least=2.0),
    )
    return Outcome(figures, checks, draw(figures))


EXPERIMENT = Experiment(
    title="A network that is not trained: echo states",
    claim="The recurrent weights need not be learnt at all: a large, fixed, random reservoir keeps echoes of its past inputs, and only a "
    "linear read-out of its state has to be trained, which is quick and safe from vanishing and exploding gradients.",
    place="on recurrent networks, where echo-state networks are a way around training through time",
    equations=(
        r"x_{t+1} = (1 - a) x_t + a \tanh(W_{in} u_{t+1} + b + W x_t)",
        r"y_t = W_{out} z_t, \quad z_t = (1, x_t), \quad W_{out} = Y Z^T (Z Z^T + \lambda I)^{-1}",
        r"\mathrm{MC} = \sum_{k=1}^{\infty} \mathrm{corr}(u_{t-k}, y^{(k)}_t)^2 \leq N",
    ),
    idea="The state x of N units is driven by the input u through random weights that stay as they were drawn. Its spectral radius, the "
    "largest size of an eigenvalue of W, says how slowly the past fades: small, and each input is gone after a few steps; too large, and "
    "the state makes a life of its own that no longer depends on the input. The leak a says how quickly units follow.\n\n"
    "Memory is measured with an input of random numbers, which nothing but memory can reproduce. For each delay k a read-out learns to "
    "say what the input was k steps ago; on steps that it has not seen, the squared correlation of its answer with the truth is 1 for "
    "perfect memory and 0 for none. Their sum over all delays is the memory capacity MC, which theory bounds by N, the number of "
    "units.\n\n"
    "Then the reservoir reads a series that is hard to foresee, that of Mackey and Glass, and a read-out learns the next value. Its "
    "forecasts are fed back as inputs to look 84 steps ahead. Errors are root mean squares, divided by the standard deviation of the "
    "series, so that 1 is no better than the mean. A plain recurrent network of the same size learns the same series by "
    "back-propagation through time, for comparison of time and error.",
    shown=(recalled, Forecaster, EchoState.step, RidgeReadout.fit),
    run=run,
    lesson="The claim holds. Nothing in the reservoir moves, and yet the read-out, whose weights are found in milliseconds by solving one "
    "set of linear equations, forecasts the series better than a network of the same size after seconds of back-propagation. The memory "
    "stays well below its bound: units that are driven by the same input share much of what they remember.\n\n"
    "What remains to be chosen is the spectral radius, and it matters more than anything: memory grows with it up to about 1 and "
    "collapses above. For the series the best radius is above 1, since its leaky units with a strong input are damped by more than W "
    "alone says. There is no single safe value; it has to be tried for each task.",
    next=(
        "Let the reservoir be driven harder (`input_scaling`) and see memory make way for non-linearity.",
        "Use fewer steps to learn from than the read-out has weights, without the penalty lambda, and see it fail.",
        "Read rain at one radar pixel with a reservoir, and compare its forecast with persistence.",
    ),
    longer="ten reservoirs of each radius instead of three.",
)
