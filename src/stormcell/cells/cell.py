"""What a recurrent cell is, and the only loop over time.

A cell knows one step. Size comes from what it is given, never from its constructor, so the same weights run on any grid, batch,
device and dtype. `unroll` owns everything that has to do with time: the loop, the first state, truncation, masks, checkpoints.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

__all__ = ["Cell", "Projected", "State", "unroll"]

_NUMBERS_AT_ONCE = 2**20  # of the inputs: larger batches leave the caches, and are slower by up to a half on the processors tried

State = tuple[Tensor, ...]
Projected = tuple[Tensor, ...]


class Cell(Protocol):
    """One step of a recurrent network; every cell is a `torch.nn.Module`."""

    def project(self, inputs: Tensor) -> Projected:
        """Everything that depends on the inputs alone, for many steps in one batch; no recurrence in it.

        Args:
            inputs: (time, batch, channel, ...).

        Returns:
            Tensors that all begin with (time, batch).
        """
        ...

    def initial_state(self, like: Tensor) -> State:
        """Zeros: total ignorance.

        Args:
            like: one step's input (batch, channel, ...), whose batch, grid, device and dtype the state takes.
        """
        ...

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step on.

        Args:
            projected: one step of what `project` gave, without its time axis; None for a layer that has no input.
            state: what the last step left.

        Returns:
            The output (batch, channel, ...) and the new state.
        """
        ...


def unroll(
    cell: Cell,
    inputs: Tensor | None = None,
    state: State | None = None,
    *,
    steps: int | None = None,
    truncate: int | None = None,
    mask: Tensor | None = None,
    checkpoint_every: int | None = None,
) -> tuple[Tensor, State]:
    """Run a cell over time.

    Inputs are projected for as many steps at once as fit the processor's caches, images a few steps at a time, vectors all together.

    Args:
        cell: what makes one step.
        inputs: (batch, time, channel, ...); None for a layer without input, which then needs `state` and `steps`.
        state: where to start; the cell's `initial_state` if None. Feed the state that comes back to go on where this call ended,
            one step at a time if you like.
        steps: how many steps a layer without input makes.
        truncate: truncated back-propagation through time: gradients are cut every so many steps, the state's value is carried on.
        mask: (batch, time) bool for sequences of different lengths: where it is False the state is kept and the output is 0.
        checkpoint_every: keep only the states every so many steps for the backward pass and compute what lies between anew: less
            memory for more time.

    Returns:
        Outputs (batch, time, channel, ...) and the last state.

    Raises:
        ValueError: the arguments do not fit together; says which.

    Source:
        Williams & Peng (1990), doi:10.1162/neco.1990.2.4.490 (truncation); Chen et al. (2016), arXiv:1604.06174 (checkpoints).
    """
    length = _length(inputs, steps)
    _check(length, state, inputs, truncate, mask, checkpoint_every)
    if state is None:
        assert inputs is not None  # checked above
        state = cell.initial_state(inputs[:, 0])
    outputs: list[Tensor] = []
    for first, last in _segments(length, truncate, checkpoint_every):
        if truncate and first and first % truncate == 0:
            state = tuple(part.detach() for part in state)
        part = None if inputs is None else inputs[:, first:last]
        known = None if mask is None else mask[:, first:last]
        if checkpoint_every and torch.is_grad_enabled():
            made, state = checkpoint(
                _run, cell, part, known, state, last - first, use_reentrant=False, context_fn=lambda: (nullcontext(), _buffers_aside(cell))
            )
        else:
            made, state = _run(cell, part, known, state, last - first)
        outputs.extend(made)
    return _over_time(outputs), state


def _over_time(outputs: list[Tensor]) -> Tensor:
    """(batch, time, channel, ...). Images whose channels lie side by side in memory stay so: it spares copies here and in the gradients."""
    first = outputs[0]
    if first.dim() == 4 and first.is_contiguous(memory_format=torch.channels_last) and not first.is_contiguous():
        return torch.stack([output.movedim(1, -1) for output in outputs], dim=1).movedim(-1, 2)
    return torch.stack(outputs, dim=1)


def _run(cell: Cell, inputs: Tensor | None, mask: Tensor | None, state: State, steps: int) -> tuple[list[Tensor], State]:
    """So many steps, whose inputs are projected as many steps at once as fit the caches."""
    at_once = steps if inputs is None else _steps_at_once(inputs)
    projected: list[Projected] | None = None
    outputs = []
    for step in range(steps):
        if inputs is not None and step % at_once == 0:
            terms = cell.project(inputs[:, step : step + at_once].transpose(0, 1))
            # Taken apart at once: an index for each step would make a gradient of the whole length at each step.
            projected = list(zip(*(term.unbind(0) for term in terms), strict=True))
        output, new = cell.step(None if projected is None else projected[step % at_once], state)
        if mask is not None:
            real = mask[:, step]
            output = torch.where(_over(real, output), output, torch.zeros_like(output))
            new = tuple(torch.where(_over(real, after), after, before) for before, after in zip(state, new, strict=True))
        state = new
        outputs.append(output)
    return outputs, state


@contextmanager
def _buffers_aside(cell: Cell) -> Iterator[None]:
    """Within, the cell has copies of its buffers: what is computed a second time must not move running statistics a second time."""
    assert isinstance(cell, nn.Module)  # as the protocol says
    kept = [(part, name, buffer) for part in cell.modules() for name, buffer in part.named_buffers(recurse=False)]
    for part, name, buffer in kept:
        setattr(part, name, buffer.clone())
    try:
        yield
    finally:
        for part, name, buffer in kept:
            setattr(part, name, buffer)


def _over(real: Tensor, values: Tensor) -> Tensor:
    """(batch,) as (batch, 1, 1, ...), to go with the values."""
    return real.reshape(-1, *(1 for _ in range(values.dim() - 1)))


def _steps_at_once(inputs: Tensor) -> int:
    """How many steps to project in one batch: as many as stay in the processor's caches, and one at least."""
    return max(1, _NUMBERS_AT_ONCE // max(1, inputs[:, 0].numel()))


def _segments(length: int, *every: int | None) -> Iterator[tuple[int, int]]:
    """Pieces of 0..length that are cut at the multiples of each number."""
    cuts = sorted({0, length, *(cut for step in every if step for cut in range(step, length, step))})
    yield from zip(cuts, cuts[1:], strict=False)


def _length(inputs: Tensor | None, steps: int | None) -> int:
    if inputs is None:
        if steps is None:
            raise ValueError("unroll: a layer without input needs steps=, how many steps to make")
        return steps
    if inputs.dim() < 3:
        raise ValueError(f"unroll: expected inputs (batch, time, channel, ...), got shape {tuple(inputs.shape)}")
    if steps is not None and steps != inputs.shape[1]:
        raise ValueError(f"unroll: steps={steps}, but the inputs have {inputs.shape[1]} steps; leave one of them out")
    return inputs.shape[1]


def _check(length: int, state: State | None, inputs: Tensor | None, truncate: int | None, mask: Tensor | None, every: int | None) -> None:
    if length < 1:
        raise ValueError(f"unroll: expected one step or more, got {length}")
    if state is None and inputs is None:
        raise ValueError("unroll: a layer without input needs a state to start from")
    for name, number in (("truncate", truncate), ("checkpoint_every", every)):
        if number is not None and number < 1:
            raise ValueError(f"unroll: expected {name} of one step or more, got {number}")
    batch = inputs.shape[0] if inputs is not None else cast(State, state)[0].shape[0]
    if mask is not None and (mask.dtype != torch.bool or mask.shape != (batch, length)):
        raise ValueError(f"unroll: expected a bool mask ({batch}, {length}), got {mask.dtype} {tuple(mask.shape)}")
