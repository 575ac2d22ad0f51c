"""The gates of an LSTM at work: one unit that keeps a marked value until it is asked for it, drawn step by step."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stormcell.cells.cell import unroll
from stormcell.cells.lstm import LSTM
from stormcell.lab.drawing import COLOURS, MARKERS, axes, style
from stormcell.lab.experiment import Check, Experiment, Outcome, Picture
from stormcell.lab.fit import fit
from stormcell.lab.marked_values import latched
from stormcell.networks.sequence import SequenceNetwork

__all__ = ["EXPERIMENT"]

GATES = ("input gate", "forget gate", "output gate")
LENGTH, TESTED_LENGTH, DRAWN = 24, 60, 40  # steps


def opened(cell: LSTM, inputs: Tensor, held: Mapping[str, float] | None = None) -> dict[str, Tensor]:
    """What an LSTM without peepholes does inside, from its weights and the equations: each (batch, time, units).

    Args:
        cell: whose weights.
        inputs: (batch, time, channel).
        held: gates that are taken away, and held at a number instead: {"forget gate": 0.5}.
    """
    h, c = cell.initial_state(inputs[:, 0])
    steps: dict[str, list[Tensor]] = {name: [] for name in (*GATES, "candidate", "memory", "output")}
    for drive in cell.project(inputs.transpose(0, 1))[0]:
        i, f, g, o = (drive + h @ cell.gates.state_weight.t()).chunk(4, dim=1)
        gates = {name: torch.sigmoid(value) for name, value in zip(GATES, (i, f, o), strict=True)}
        gates |= {name: torch.full_like(h, value) for name, value in (held or {}).items()}
        candidate = torch.tanh(g)
        c = gates["forget gate"] * c + gates["input gate"] * candidate
        h = gates["output gate"] * torch.tanh(c)
        for name, value in (*gates.items(), ("candidate", candidate), ("memory", c), ("output", h)):
            steps[name].append(value)
    return {name: torch.stack(values, dim=1) for name, values in steps.items()}


def learn(units: int, seed: int, updates: int) -> tuple[LSTM, nn.Linear, list[float]]:
    """A network that has learnt to keep the marked value, and its loss at each update."""
    torch.manual_seed(seed)
    chance = torch.Generator().manual_seed(seed)
    cell, head = LSTM(3, units, forget_bias=1.0), nn.Linear(units, 1)
    network = SequenceNetwork(cell, head, every_step=True)

    def loss(step: int) -> Tensor:
        inputs, answers = latched(64, LENGTH, chance)
        return nn.functional.mse_loss(network(inputs)[0][..., 0], answers)

    losses = fit(network.parameters(), loss, f"start {seed + 1}", steps=updates, learning_rate=0.03, clip=1.0)
    return cell, head, losses


def error_of(head: nn.Linear, inside: Mapping[str, Tensor], answers: Tensor) -> float:
    """Mean square error of the answers, as a share of what silence would give."""
    with torch.no_grad():
        said = head(inside["output"])[..., 0]
    return float((said - answers).square().mean() / answers.square().mean())


def draw(figures: Mapping[str, Any]) -> tuple[Picture]:
    """Input, gates, memory and answer of one sequence over time."""
    drawn, steps = figures["drawn"], range(DRAWN)
    with style():
        figure, (above, gates, memory, below) = axes(rows=4, height=1.9, sharex=True)
        marked, asked = ([step for step in steps if drawn[what][step]] for what in ("mark", "ask"))
        above.plot(steps, drawn["value"], ".", color="#999999", label="value")
        above.plot(marked, [drawn["value"][step] for step in marked], MARKERS[1], color=COLOURS[1], label="marked")
        above.set(ylabel="input")
        for number, name in enumerate(GATES):
            gates.plot(steps, drawn[name], ("-", "--", ":")[number], color=COLOURS[(0, 1, 2)[number]], label=name)
        gates.set(ylabel="gate (0 shut, 1 open)", ylim=(-0.05, 1.05))
        memory.plot(steps, drawn["memory"], color=COLOURS[0], drawstyle="steps-mid", label="cell state c")
        memory.set(ylabel="cell state")
        below.plot(steps, drawn["answer"], color=COLOURS[0], label="answer of the network")
        below.plot(asked, [drawn["wanted"][step] for step in asked], MARKERS[2], color=COLOURS[2], markerfacecolor="none", label="wanted")
        below.set(xlabel="step", ylabel="output")
        for one in (above, gates, memory, below):
            for where, colour, dashes in ((marked, COLOURS[1], "-"), (asked, COLOURS[2], ":")):
                for step in where:
                    one.axvline(step, color=colour, linestyle=dashes, linewidth=0.8, alpha=0.6, zorder=0)
            one.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small")
            one.grid(visible=False)
    return (
        Picture(
            "gates",
            figure,
            "At a mark the input gate opens and the forget gate shuts; then the cell state stands still; the output gate opens when asked.",
            "Four rows over the steps of one sequence, with a thin line at each mark and a dotted one where the network is asked: the "
            "input values, of which a few are marked; the three gates between 0 and 1; the "
            "cell state, a staircase that changes at marks only; the answers, which are 0 but where one is asked for and then right.",
        ),
    )


def run(full: bool) -> Outcome:
    """Learn from several starts, keep the best, and look into it."""
    with torch.random.fork_rng():
        starts = [learn(1, seed, 1200) for seed in range(12 if full else 4)]
    cell, head, losses = min(starts, key=lambda start: sum(start[2][-100:]))
    inputs, answers = latched(400, TESTED_LENGTH, torch.Generator().manual_seed(1000))
    with torch.no_grad():
        inside = opened(cell, inputs)
        outputs, (_, memory) = unroll(cell, inputs)
        apart = (outputs - inside["output"], memory - inside["memory"][:, -1])
        difference = max(float(each.abs().max()) for each in apart)
        held = {name: {name: float(inside[name].mean())} for name in GATES}
        without = {name: error_of(head, opened(cell, inputs, one), answers) for name, one in held.items()}
        drawn = int(answers[:, :DRAWN].std(1).argmax())  # the most varied answers
        said = head(inside["output"])[drawn, :DRAWN, 0]
    marked, asked = inputs[..., 1] > 0, inputs[..., 2] > 0
    when = {"at a mark": marked, "when asked": asked, "else": ~marked & ~asked}
    mean_of = {name: {moment: float(inside[name][..., 0][where].mean()) for moment, where in when.items()} for name in GATES}
    error = error_of(head, inside, answers)
    figures = {
        "error_as_a_share_of_silence": error,
        "last_loss_of_each_start": [sum(start[2][-100:]) / 100 for start in starts],
        "loss_at_each_update": losses,
        "mean_of_gates": mean_of,
        "error_with_one_gate_held_at_its_mean_as_a_share_of_silence": without,
        "drawn": {
            **{name: inputs[drawn, :DRAWN, channel].tolist() for channel, name in enumerate(("value", "mark", "ask"))},
            **{name: inside[name][drawn, :DRAWN, 0].tolist() for name in (*GATES, "memory")},
            "answer": said.tolist(),
            "wanted": answers[drawn, :DRAWN].tolist(),
        },
    }
    write, keep, show = (mean_of[name] for name in GATES)
    checks = (
        Check("largest difference between the states recomputed from the equations and the cell's own", difference, at_most=1e-5),
        Check("error on longer sequences than were learnt from, as a share of silence", error, at_most=0.05),
        Check("mean input gate at a mark", write["at a mark"], at_least=0.6),
        Check("mean input gate without a mark", max(write["when asked"], write["else"]), at_most=0.1),
        Check("mean forget gate at a mark, where the old value has to go", keep["at a mark"], at_most=0.2),
        Check("mean forget gate without a mark, where the value has to stay", min(keep["when asked"], keep["else"]), at_least=0.95),
        Check("mean output gate when asked", show["when asked"], at_least=0.7),
        Check("mean output gate when not asked", max(show["at a mark"], show["else"]), at_most=0.1),
        Check("least error with one gate held at its mean, over that with all", min(without.values()) / error, at_least=10.0),
    )
    return Outcome(figures, checks, draw(figures))


EXPERIMENT = Experiment(
    title="Inside an LSTM: what the gates do",
    claim="An LSTM has a cell state beside its output, and gates that decide at each step what is written to it, what is kept of it and "
    "what is shown of it; so it can remember for as long as it has to.",
    place="equations 7 to 9",
    equations=(
        r"i_t = \sigma(W_{xi} x_t + W_{hi} h_{t-1} + b_i), \quad f_t = \sigma(W_{xf} x_t + W_{hf} h_{t-1} + b_f), "
        r"\quad o_t = \sigma(W_{xo} x_t + W_{ho} h_{t-1} + b_o)",
        r"c_t = f_t \odot c_{t-1} + i_t \odot \tanh(W_{xg} x_t + W_{hg} h_{t-1} + b_g)",
        r"h_t = o_t \odot \tanh(c_t)",
    ),
    idea="The task needs a memory, and all three gates: at every step x brings a random value; now and then one is marked. When asked, "
    "the network has to say the last marked value, and 0 at all other steps. Unmarked values are there to distract.\n\n"
    "The network is as small as can be, one LSTM unit and a line that scales its output h, so that its whole memory is one number, the "
    "cell state c, and each gate one curve: i is the input gate, f the forget gate (open, it keeps), o the output gate. So small a "
    "network does not find the solution from every start: several are tried, and the one with the least loss at the end of learning is "
    "opened up. Nobody told it what its gates are for.\n\n"
    "The gates are computed from the weights by the equations, and the states that follow from them compared with what the cell says. "
    "Then each gate in turn is taken away, held at its own mean, to see whether it was needed. Errors are mean squares as a share of "
    "what a network that always says 0 would get.",
    shown=(opened, LSTM.step, latched),
    run=run,
    lesson="The claim can be read off the curves. The input gate is open at marks only, so the distracting values do not get in. The "
    "forget gate is near 1 as long as a value has to be kept, and shuts for a single step when a new one takes its place. The output gate "
    "opens when asked. The cell state between two marks is a flat line: multiplied by almost 1 and added to by almost 0, it neither fades "
    "nor grows, and for the same reason nor does the gradient that flows back along it.\n\n"
    "Without any one of the gates the error is many times as large. And it works on sequences longer than those it learnt from. But "
    "learning is another matter: some starts end in a poor compromise, where the single unit lets every value in. More units help.",
    next=(
        "Give it 4 units: every start succeeds, and the memory is spread over several of them.",
        "Begin with a forget bias of -2, so that it forgets at first, and see how much longer learning takes.",
        "Ask for the sum of the last two marked values, and find out which gates change their habits.",
    ),
    longer="twelve starts instead of four.",
)
