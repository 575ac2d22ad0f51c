"""Recurrent image cells the plain way, as most public code has them: the reference of `stormcell benchmark cells`.

Input and state are put together and go through one convolution a step; TrajGRU warps one link after the other.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from stormcell.warp_tensor import warp_tensor

__all__ = ["PlainConvGRU", "PlainConvLSTM", "PlainConvTTLSTM", "PlainPredRNN", "PlainTrajGRU"]


class PlainConvLSTM(nn.Module):
    """One convolution over [x, h] a step."""

    def __init__(self, inputs: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.channels = channels
        self.convolution = nn.Conv2d(inputs + channels, 4 * channels, kernel, padding=kernel // 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channel, y, x) in and out."""
        h = inputs.new_zeros(inputs.shape[0], self.channels, *inputs.shape[3:])
        c, outputs = h, []
        for step in range(inputs.shape[1]):
            i, f, o, g = torch.split(self.convolution(torch.cat([inputs[:, step], h], dim=1)), self.channels, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class PlainConvGRU(nn.Module):
    """One convolution over [x, h] for the gates and one over [x, r h] for the candidate, a step."""

    def __init__(self, inputs: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.channels = channels
        self.gates = nn.Conv2d(inputs + channels, 2 * channels, kernel, padding=kernel // 2)
        self.candidate = nn.Conv2d(inputs + channels, channels, kernel, padding=kernel // 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channel, y, x) in and out."""
        h, outputs = inputs.new_zeros(inputs.shape[0], self.channels, *inputs.shape[3:]), []
        for step in range(inputs.shape[1]):
            x = inputs[:, step]
            r, u = torch.sigmoid(self.gates(torch.cat([x, h], dim=1))).chunk(2, dim=1)
            new = functional.leaky_relu(self.candidate(torch.cat([x, r * h], dim=1)), 0.2)
            h = u * h + (1 - u) * new
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class PlainTrajGRU(nn.Module):
    """A loop over links around `grid_sample`, one convolution over all that was warped."""

    def __init__(self, inputs: int, channels: int, links: int) -> None:
        super().__init__()
        self.channels, self.links = channels, links
        self.i2h = nn.Conv2d(inputs, 3 * channels, 3, padding=1)
        self.i2f, self.h2f = nn.Conv2d(inputs, 32, 5, padding=2), nn.Conv2d(channels, 32, 5, padding=2)
        self.flow = nn.Conv2d(32, 2 * links, 5, padding=2)
        self.h2h = nn.Conv2d(links * channels, 3 * channels, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channel, y, x) in and out."""
        h, outputs = inputs.new_zeros(inputs.shape[0], self.channels, *inputs.shape[3:]), []
        for step in range(inputs.shape[1]):
            x = inputs[:, step]
            flows = self.flow(functional.leaky_relu(self.i2f(x) + self.h2f(h), 0.2))
            warped = [warp_tensor(h, flow) for flow in flows.split(2, dim=1)]
            x_r, x_u, x_n = self.i2h(x).chunk(3, dim=1)
            h_r, h_u, h_n = self.h2h(torch.cat(warped, dim=1)).chunk(3, dim=1)
            r, u = torch.sigmoid(x_r + h_r), torch.sigmoid(x_u + h_u)
            h = u * h + (1 - u) * functional.leaky_relu(x_n + r * h_n, 0.2)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class PlainConvTTLSTM(nn.Module):
    """Keeps the last states, puts those of each window together and runs the whole chain of cores over them at every step."""

    def __init__(self, inputs: int, channels: int, kernel: int, order: int = 3, steps: int = 3, rank: int = 8) -> None:
        super().__init__()
        self.channels, self.steps, self.seen = channels, steps, steps - order + 1
        self.cores = nn.ModuleList(
            nn.Conv2d(self.seen * channels + (rank if core else 0), rank, kernel, padding=kernel // 2) for core in range(order)
        )
        self.gates = nn.Conv2d(inputs + rank, 4 * channels, kernel, padding=kernel // 2)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channel, y, x) in and out."""
        h = inputs.new_zeros(inputs.shape[0], self.channels, *inputs.shape[3:])
        c, states, outputs = h, [h] * self.steps, []
        for step in range(inputs.shape[1]):
            v: list[Tensor] = []
            for start, core in enumerate(self.cores):
                v = [core(torch.cat([*states[start : start + self.seen], *v], dim=1))]
            i, f, o, g = torch.split(self.gates(torch.cat([inputs[:, step], *v], dim=1)), self.channels, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            states = [*states[1:], h]
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class PlainSTLSTM(nn.Module):
    """One step of PredRNN's cell: a convolution each over input, state and memory."""

    def __init__(self, inputs: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.channels = channels
        self.of_x = nn.Conv2d(inputs, 7 * channels, kernel, padding=kernel // 2, bias=False)
        self.of_h = nn.Conv2d(channels, 4 * channels, kernel, padding=kernel // 2, bias=False)
        self.of_m = nn.Conv2d(channels, 3 * channels, kernel, padding=kernel // 2, bias=False)
        self.of_memories = nn.Conv2d(2 * channels, channels, kernel, padding=kernel // 2, bias=False)
        self.mix = nn.Conv2d(2 * channels, channels, 1, bias=False)

    def forward(self, x: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The new h, c and m."""
        i_x, f_x, g_x, o_x, i_xm, f_xm, g_xm = torch.split(self.of_x(x), self.channels, dim=1)
        i_h, f_h, g_h, o_h = torch.split(self.of_h(h), self.channels, dim=1)
        i_m, f_m, g_m = torch.split(self.of_m(m), self.channels, dim=1)
        c = torch.sigmoid(f_x + f_h + 1) * c + torch.sigmoid(i_x + i_h) * torch.tanh(g_x + g_h)
        m = torch.sigmoid(f_xm + f_m + 1) * m + torch.sigmoid(i_xm + i_m) * torch.tanh(g_xm + g_m)
        memories = torch.cat([c, m], dim=1)
        h = torch.sigmoid(o_x + o_h + self.of_memories(memories)) * torch.tanh(self.mix(memories))
        return h, c, m


class PlainPredRNN(nn.Module):
    """ST-LSTMs on top of each other, the memory m going up through them and from the top to the bottom of the next step."""

    def __init__(self, frame: int, channels: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.channels = channels
        self.cells = nn.ModuleList(PlainSTLSTM(channels if layer else frame, channels, kernel) for layer in range(layers))
        self.head = nn.Conv2d(channels, frame, 1, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, channel, y, x) in and out."""
        m = inputs.new_zeros(inputs.shape[0], self.channels, *inputs.shape[3:])
        h, c, outputs = [m] * len(self.cells), [m] * len(self.cells), []
        for step in range(inputs.shape[1]):
            x = inputs[:, step]
            for layer, cell in enumerate(self.cells):
                h[layer], c[layer], m = cell(x, h[layer], c[layer], m)
                x = h[layer]
            outputs.append(self.head(x))
        return torch.stack(outputs, dim=1)
