"""Cells of the plain way that fit into an encoder-forecaster: the reference of `stormcell benchmark training`.

As in `plain_cells` nothing is done for many steps at once: each step puts input and state together for its convolutions, and TrajGRU
warps one link after the other.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Projected, State
from stormcell.warp_tensor import warp_tensor

__all__ = ["PlainConvGRUStep", "PlainTrajGRUStep"]


class PlainConvGRUStep(nn.Module):
    """One convolution over [x, h] for the gates, one over [x, r h] for the candidate; over h alone in a layer without input."""

    def __init__(self, inputs: int | None, channels: int, kernel: int) -> None:
        super().__init__()
        self.channels = channels
        self.gates = nn.Conv2d((inputs or 0) + channels, 2 * channels, kernel, padding=kernel // 2)
        self.candidate = nn.Conv2d((inputs or 0) + channels, channels, kernel, padding=kernel // 2)

    def project(self, inputs: Tensor) -> Projected:
        """The inputs as they are."""
        return (inputs,)

    def initial_state(self, like: Tensor) -> State:
        """Zeros."""
        return (like.new_zeros(like.shape[0], self.channels, *like.shape[2:]),)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step."""
        (h,), x = state, () if projected is None else projected
        r, u = torch.sigmoid(self.gates(torch.cat([*x, h], dim=1))).chunk(2, dim=1)
        new = functional.leaky_relu(self.candidate(torch.cat([*x, r * h], dim=1)), 0.2)
        h = u * h + (1 - u) * new
        return h, (h,)


class PlainTrajGRUStep(nn.Module):
    """A loop over links around `grid_sample`, one convolution over all that was warped."""

    def __init__(self, inputs: int | None, channels: int, links: int) -> None:
        super().__init__()
        self.channels, self.links = channels, links
        self.i2h = nn.Conv2d(inputs, 3 * channels, 3, padding=1) if inputs else None
        self.i2f = nn.Conv2d(inputs, 32, 5, padding=2) if inputs else None
        self.h2f, self.flow = nn.Conv2d(channels, 32, 5, padding=2), nn.Conv2d(32, 2 * links, 5, padding=2)
        self.h2h = nn.Conv2d(links * channels, 3 * channels, 1)

    def project(self, inputs: Tensor) -> Projected:
        """The inputs as they are."""
        return (inputs,)

    def initial_state(self, like: Tensor) -> State:
        """Zeros."""
        return (like.new_zeros(like.shape[0], self.channels, *like.shape[2:]),)

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step."""
        (h,) = state
        hidden = self.h2f(h)
        if projected is not None and self.i2f is not None:
            hidden = hidden + self.i2f(projected[0])
        flows = self.flow(functional.leaky_relu(hidden, 0.2))
        warped = [warp_tensor(h, flow) for flow in flows.split(2, dim=1)]
        h_r, h_u, h_new = self.h2h(torch.cat(warped, dim=1)).chunk(3, dim=1)
        if projected is None or self.i2h is None:
            r, u = torch.sigmoid(h_r), torch.sigmoid(h_u)
            new = functional.leaky_relu(r * h_new, 0.2)
        else:
            x_r, x_u, x_new = self.i2h(projected[0]).chunk(3, dim=1)
            r, u = torch.sigmoid(x_r + h_r), torch.sigmoid(x_u + h_u)
            new = functional.leaky_relu(x_new + r * h_new, 0.2)
        h = u * h + (1 - u) * new
        return h, (h,)
