"""A step that `torch.export` wrote, in torch."""

from pathlib import Path

from stormcell.runtimes.runtime import Floats, Step

__all__ = ["load_torch"]


def load_torch(path: Path, precision: str) -> Step:
    """A step from a file of `torch.export.save`, in float32. Load no stranger's file: it holds a program."""
    import torch

    module = torch.export.load(path).module()

    def step(*tensors: Floats, room: Floats | None = None) -> tuple[Floats, ...]:
        with torch.inference_mode():
            made = module(*(torch.from_numpy(tensor) for tensor in tensors))
        return tuple(one.numpy() for one in made)

    return step
