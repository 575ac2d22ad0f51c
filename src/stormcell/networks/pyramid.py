"""A radar network for small machines: the encoder-forecaster of three scales, on patches, as wide as one can afford."""

from collections.abc import Callable, Sequence
from functools import partial

from stormcell.cells.convgru import ConvGRU
from stormcell.cells.convlstm import ConvLSTM
from stormcell.cells.trajgru import TrajGRU
from stormcell.networks.encoder_forecaster import CellBuilder, EncoderForecaster, Resampling, Stage

__all__ = ["PYRAMID_CELLS", "pyramid"]

PYRAMID_CELLS: dict[str, Callable[[int, int], CellBuilder]] = {
    "convgru": lambda kernel, links: partial(ConvGRU, state_kernel=kernel),
    "convlstm": lambda kernel, links: partial(ConvLSTM, input_kernel=3, state_kernel=kernel),
    "trajgru": lambda kernel, links: partial(TrajGRU, links=links),
}


def pyramid(
    cell: str = "convgru",
    *,
    hidden: Sequence[int] = (32, 64, 96),
    kernel: int = 3,
    links: int = 9,
    patch: int = 2,
    tail: int | None = 16,
    dropout: float = 0.0,
    coordinates: bool = False,
) -> EncoderForecaster:
    """Cells on grids that halve from scale to scale.

    The design of `hko7`, with three differences. Squares of pixels become channels in place of the first strided convolution, which
    loses nothing of the last frame; every further scale halves the grid; and the network is not told where in the image a pixel is,
    so that it knows no place by heart and is the same on any other grid.

    Args:
        cell: a name in `PYRAMID_CELLS`.
        hidden: channels of each scale's cells, the finest first.
        kernel: side of the state-to-state kernels [pixels], odd; TrajGRU has links in their place.
        links: of TrajGRU; the others have none.
        patch: side of the squares of pixels that become channels [pixels].
        tail: channels of the 3x3 convolution before the last one, None for none.
        dropout: see `EncoderForecaster`.
        coordinates: see there; for networks that will see no other grid than the one they learn from.

    Raises:
        ValueError: no such cell.
    """
    if cell not in PYRAMID_CELLS:
        raise ValueError(f"expected a cell out of {', '.join(PYRAMID_CELLS)}, got {cell!r}")
    build = PYRAMID_CELLS[cell](kernel, links)
    stages = [
        Stage(
            width,
            build,
            down=Resampling(width, 3, 1 if scale == 0 else 2, 1),
            up=Resampling(width, 3, 1, 1) if scale == 0 else Resampling(width, 4, 2, 1),
        )
        for scale, width in enumerate(hidden)
    ]
    return EncoderForecaster(stages, patch=patch, coordinates=coordinates, tail=tail, dropout=dropout)
