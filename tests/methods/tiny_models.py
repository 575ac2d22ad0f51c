"""Checkpoints small enough for tests: untrained, but with an answer that depends on what they read."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from stormcell.networks.architectures import build_network
from stormcell.networks.checkpoint import ModelConfig, save_checkpoint

TINY = {"cell": "convgru", "hidden": [4, 4], "tail": 4}


def save_tiny(folder: Path, *, network: str = "pyramid", settings: dict[str, Any] | None = None, bias: float = 0.3, **config: Any) -> Path:
    """A network of random weights whose last layer adds `bias`, so that it rains; the configuration's fields may be given."""
    settings = TINY if settings is None else settings
    with torch.random.fork_rng():
        torch.manual_seed(1)
        built = build_network(network, settings)
    head = getattr(built, "head", None)
    if isinstance(head, nn.Conv2d | nn.Linear) and head.bias is not None:
        nn.init.constant_(head.bias, bias)
    config = {"step_minutes": 5.0, "pixel_km": 1.0, "past_steps": 3, "future_steps": 4} | config
    return save_checkpoint(folder, built, ModelConfig(network=network, settings=settings, **config), title="A tiny model")
