"""A checkpoint's folder as the methods see it: its name, what it says of itself, and its network once that is needed."""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stormcell.methods.shipped import model_folder, shipped_models

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from torch import nn

    from stormcell.networks.checkpoint import ModelConfig

__all__ = ["TrainedModel", "settings_of", "words_for"]


@dataclass(frozen=True)
class TrainedModel:
    """A model that ships, or the folder of any other. torch is loaded when the network or its configuration is asked for.

    Attributes:
        model: name or folder.
        device: where the network runs, in the words of torch.

    Raises:
        MethodError: there is no such model.
    """

    model: str
    device: str = "cpu"

    def __post_init__(self) -> None:
        model_folder(self.model)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return model_folder(self.model)

    @property
    def name(self) -> str:
        """That of the folder."""
        return self.folder.resolve().name

    @property
    def ships(self) -> bool:
        """Whether it comes with the package."""
        return self.model in shipped_models()

    @cached_property
    def config(self) -> "ModelConfig":
        """What the checkpoint says of itself.

        Raises:
            ReadError: it is none.
        """
        from stormcell.networks.checkpoint import read_config

        return read_config(self.folder)

    @cached_property
    def fingerprint(self) -> str:
        """Of weights and configuration.

        Raises:
            ReadError: it is no checkpoint.
        """
        from stormcell.networks.checkpoint import fingerprint_of

        return fingerprint_of(self.folder)

    @cached_property
    def network(self) -> "nn.Module":
        """Ready to forecast, with channels side by side in memory.

        Raises:
            ReadError: it is no checkpoint.
        """
        import torch

        from stormcell.networks.checkpoint import load_checkpoint

        network, _ = load_checkpoint(self.folder)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs leave it out
        return network.to(self.device)

    def __getstate__(self) -> dict[str, Any]:
        """See `settings_of`."""
        return settings_of(self)


def settings_of(method: "DataclassInstance") -> dict[str, Any]:
    """What a method is handed to another process as: its settings, without the weights that it may have loaded."""
    return {item.name: getattr(method, item.name) for item in fields(method)}


def words_for(method: "DataclassInstance", name: str) -> str:
    """What a method prints as: with the name of its model and not the path, which is of one machine alone."""
    others = (f"{key}={value!r}" for key, value in settings_of(method).items() if key != "model" and (key, value) != ("runtime", "torch"))
    return f"{type(method).__name__}({name!r}, {', '.join(others)})"
