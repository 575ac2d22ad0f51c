"""PredRNN and PredRNN-V2: spatio-temporal LSTMs whose memory zigzags through the layers."""

from collections.abc import Iterator
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from stormcell.cells.cell import Projected, State
from stormcell.cells.convolution import xavier_gates_
from stormcell.cells.st_lstm import STLSTM, Increments
from stormcell.networks.autoregressive import NextFrame

__all__ = ["ZigZag", "decoupled_predictions", "predrnn", "predrnn_v2"]


class ZigZag(nn.Module):
    """ST-LSTMs on top of each other; the memory m goes up from layer to layer, and from the top to the bottom of the next step.

    One cell for `unroll`, from a frame to the next frame (a 1x1 convolution without bias on the top layer's h).

    With `decouple` it also measures how alike are the things the two memories learn: with A a 1x1 convolution shared by all layers,

    d = sum over steps and layers of mean over channels |cos(A * (i . g), A * (i' . g'))|,  the angle taken over the pixels

    Args:
        frame: channels of a frame, in and out.
        channels: channels of each layer; the same in all, as m passes through them.
        layers: how many.
        kernel: side of the kernels [pixels], odd.
        decouple: whether to measure d.

    Shapes:
        input and output (batch, frame, y, x); state: h, c of each layer, m (batch, channels, y, x), and d (batch,) if asked for.

    Source:
        Wang et al. (2022), arXiv:2103.09504, eq. 3 and 5; A as in the published code.
    """

    def __init__(self, frame: int, channels: int, layers: int, kernel: int = 5, *, decouple: bool = False) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"ZigZag: expected one layer or more, got {layers}")
        self.cells = nn.ModuleList(STLSTM(frame if layer == 0 else channels, channels, kernel) for layer in range(layers))
        self.head = nn.Conv2d(channels, frame, 1, bias=False)
        self.adapter = nn.Conv2d(channels, channels, 1, bias=False) if decouple else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the first weights of head and adapter: Xavier-uniform. The cells have drawn theirs."""
        xavier_gates_(self.head.weight, 1)
        if self.adapter is not None:
            xavier_gates_(self.adapter.weight, 1)

    def project(self, inputs: Tensor) -> Projected:
        """The lowest layer's; that of the others waits for what is below them."""
        return next(self._layers()).project(inputs)

    def initial_state(self, like: Tensor) -> State:
        """All zero."""
        zeros = [cell.initial_state(like) for cell in self._layers()]
        state = (*(part for h, c, _ in zeros for part in (h, c)), zeros[0][2])
        return state if self.adapter is None else (*state, like.new_zeros(like.shape[0]))

    def step(self, projected: Projected | None, state: State) -> tuple[Tensor, State]:
        """One step of all layers, from the lowest to the highest."""
        memory, alike = state[2 * len(self.cells)], state[-1]
        after: list[Tensor] = []
        output = None
        for layer, cell in enumerate(self._layers()):
            terms = projected if output is None else tuple(term[0] for term in cell.project(output[None]))
            (output, c, memory), increments = cell.advance(terms, (state[2 * layer], state[2 * layer + 1], memory))
            after += output, c
            if self.adapter is not None:
                alike = alike + self._alike(increments)
        frame: Tensor = self.head(output)
        return frame, (*after, memory) if self.adapter is None else (*after, memory, alike)

    def _alike(self, increments: Increments) -> Tensor:
        """mean over channels |cos|, (batch,)."""
        assert self.adapter is not None
        added_c, added_m = (self.adapter(added).flatten(2) for added in increments)
        return functional.cosine_similarity(added_c, added_m, dim=2).abs().mean(dim=1)

    def _layers(self) -> Iterator[STLSTM]:
        for cell in self.cells:
            yield cast(STLSTM, cell)


def decoupled_predictions(
    network: NextFrame,
    frames: Tensor,
    given: Tensor | None = None,
    *,
    truncate: int | None = None,
    checkpoint_every: int | None = None,
) -> tuple[Tensor, Tensor]:
    """For training PredRNN-V2: `NextFrame.predictions`, and the decoupling term to be added to the loss, times a weight.

    Returns:
        The predictions (batch, time, channel, y, x), and d / (steps x layers), a number from 0 (nothing in common) to 1.

    Raises:
        ValueError: the network was built without `decouple`.
    """
    stack = network.cell
    if not isinstance(stack, ZigZag) or stack.adapter is None:
        raise ValueError("expected a network from predrnn_v2, whose ZigZag has decouple=True")
    predictions, state = network.predictions(frames, given, truncate=truncate, checkpoint_every=checkpoint_every)
    return predictions, state[-1].mean() / (frames.shape[1] * len(stack.cells))


def predrnn(channels: int = 1, *, hidden: int = 128, layers: int = 4, kernel: int = 5, patch: int = 4) -> NextFrame:
    """PredRNN as published for Moving MNIST: 23,838,720 weights.

    Args:
        channels: channels of a frame.
        hidden: channels of each layer.
        layers: how many.
        kernel: side of the kernels [pixels], odd.
        patch: side of the squares of pixels that become channels [pixels].
    """
    return NextFrame(ZigZag(channels * patch**2, hidden, layers, kernel), patch=patch)


def predrnn_v2(channels: int = 1, *, hidden: int = 128, layers: int = 4, kernel: int = 5, patch: int = 4) -> NextFrame:
    """PredRNN-V2: the same network, with what its decoupling loss needs (`decoupled_predictions`): 23,855,104 weights.

    Its reverse scheduled sampling is `given` with False also in the past, fewer of them as training goes on.
    """
    return NextFrame(ZigZag(channels * patch**2, hidden, layers, kernel, decouple=True), patch=patch)
