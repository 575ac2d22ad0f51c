"""The parts of a network whose gradients are clipped on their own."""

from collections.abc import Iterator

from torch import nn

__all__ = ["parts_of"]


def parts_of(network: nn.Module) -> Iterator[tuple[str, list[nn.Parameter]]]:
    """Name and parameters of encoder and forecaster, of a network that has both; of the whole network, of any other.

    Source:
        Shi et al. (2017), arXiv:1706.03458: their published code clips the two apart.
    """
    reading = {"down", "readers", "encoder"}
    halves: dict[str, list[nn.Parameter]] = {"encoder": [], "forecaster": []}
    for name, parameter in network.named_parameters():
        halves["encoder" if name.split(".")[0] in reading else "forecaster"].append(parameter)
    if halves["encoder"] and halves["forecaster"]:
        yield from halves.items()
    else:
        yield "network", list(network.parameters())
