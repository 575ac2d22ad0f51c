"""A trained network in a folder: weights, what they mean, and a page for people, in the layout of the Hugging Face hub.

    model.safetensors   the weights by name, and nothing that could be executed
    config.json         `ModelConfig`: the network and its settings, the scale, the time step, the pixel, the data, the scores
    README.md           the model card

Whatever comes from a file is taken for a stranger's: sizes are limited, keys and types are checked, the network is first built without
memory and its weights compared, by name and shape, with those in the file.
"""

import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stormcell.errors import MethodError, ReadError, UnitsError, WriteError
from stormcell.networks.architectures import build_network
from stormcell.networks.checkpoint_folder import replacing_folder, standing_folder
from stormcell.networks.guided import ADDED
from stormcell.networks.model_card import model_card
from stormcell.networks.representation import Representation

__all__ = ["ModelConfig", "fingerprint_of", "load_checkpoint", "read_config", "save_checkpoint"]

FORMAT: Literal[1] = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"

MAX_CONFIG_BYTES = 2**20
MAX_WEIGHTS_BYTES = 2**32
_MAX_SETTING = 4096  # sides of frames, widths, counts: no network has more, and what a joker asks for is soon found not to fit
_MAX_ITEMS = 64  # in a list of settings
_MAX_STEPS = 1000
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class ModelConfig:
    """What a network is, and what its numbers mean.

    Args:
        network: a name in `stormcell.networks.architectures.ARCHITECTURES`.
        settings: its settings.
        step_minutes: time from frame to frame [min].
        pixel_km: side of a pixel [km].
        past_steps: frames that it was trained to read.
        future_steps: frames that it was trained to write.
        output: "sigmoid" if what it gives is to go through one, else "linear".
        representation: the scale of its frames.
        data: what it was trained on: name, source, licence, fingerprint, ...
        training: how: steps, windows, version, commit, ...
        scores: how well it does, by name.
        format: of this file.

    Raises:
        MethodError: numbers that no network has.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    network: str
    settings: dict[str, Any]
    step_minutes: float
    pixel_km: float
    past_steps: int
    future_steps: int
    output: Literal["linear", "sigmoid"] = "linear"
    representation: Representation = Representation()
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    format: Literal[1] = 1

    def __post_init__(self) -> None:
        for name in ("step_minutes", "pixel_km"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise MethodError(f"model: expected {name} above 0, got {getattr(self, name)}")
        for name in ("past_steps", "future_steps"):
            if not 1 <= getattr(self, name) <= _MAX_STEPS:
                raise MethodError(f"model: expected {name} from 1 to {_MAX_STEPS}, got {getattr(self, name)}")
        for name, value in self.settings.items():
            _check_setting(name, value)

    @property
    def past_minutes(self) -> float:
        """From the first frame that it reads to the last [min]."""
        return (self.past_steps - 1) * self.step_minutes


def _check_setting(name: str, value: Any) -> None:
    """Settings are numbers, words and short lists of them."""
    values = value if isinstance(value, list | tuple) else (value,)
    if len(values) > _MAX_ITEMS:
        raise MethodError(f"model: setting {name!r} lists {len(values)} values; expected at most {_MAX_ITEMS}")
    for item in values:
        if not isinstance(item, bool | int | float | str | None) or (isinstance(item, str) and len(item) > _MAX_ITEMS):
            raise MethodError(f"model: setting {name!r} is {str(item)[:40]!r}; expected a number, a short word, or a list of them")
        if isinstance(item, int | float) and not abs(item) <= _MAX_SETTING:
            raise MethodError(f"model: setting {name!r} is {item}; expected a number up to {_MAX_SETTING}")


_ADAPTER = TypeAdapter(ModelConfig)


def save_checkpoint(
    folder: str | Path, network: nn.Module, config: ModelConfig, *, title: str, weights: torch.dtype = torch.float32
) -> Path:
    """Write a network, its configuration and its model card as one folder.

    A folder that stood there is replaced as a whole; until the new one is complete and on disk the old one can be loaded, even if this
    process is killed on the way.

    Args:
        folder: where; new, or an earlier checkpoint.
        network: what `build_network(config.network, config.settings)` built, in any state, on any device.
        config: what it is.
        title: heading of the model card.
        weights: precision of the stored weights; float16 takes half the room.

    Returns:
        The folder.

    Raises:
        WriteError: the folder cannot be written, or holds something else.
        MethodError: the network is not the one that the configuration names, or its weights are not finite.
    """
    if weights not in _FLOATS:
        raise MethodError(f"checkpoint: expected weights in float32, float16 or bfloat16, got {weights}")
    state = {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    stored = {name: (tensor.to(weights) if tensor.is_floating_point() else tensor).clone().contiguous() for name, tensor in state.items()}
    described = _bare(config)
    problem = _difference({name: tuple(tensor.shape) for name, tensor in state.items()}, described) or _not_finite(stored)
    if problem:
        raise MethodError(f"checkpoint: {problem}; nothing was written")
    plain = asdict(config)
    for part in ("settings", "data", "training", "scores"):
        plain[part] = _plain(plain[part])
    try:
        text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        _ADAPTER.validate_json(text)
    except (TypeError, ValueError) as error:
        raise MethodError(f"checkpoint: the configuration cannot be stored as JSON ({_first_line(error)})") from error
    with replacing_folder(folder, names=(WEIGHTS, CONFIG, CARD)) as beside:
        try:
            save_file(stored, beside / WEIGHTS, metadata={"format": "pt"})
        except SafetensorError as error:
            raise WriteError(f"{folder}: the weights cannot be written ({_first_line(error)})") from error
        (beside / CONFIG).write_text(text, encoding="utf-8")
        parameters = sum(weight.numel() for weight in network.parameters())
        card = model_card(json.loads(text), title=title, parameters=parameters, megabytes=(beside / WEIGHTS).stat().st_size / 1e6)
        (beside / CARD).write_text(card, encoding="utf-8")
    return Path(folder)


def load_checkpoint(folder: str | Path) -> tuple[nn.Module, ModelConfig]:
    """Read what `save_checkpoint` wrote. Nothing in the folder is executed.

    Returns:
        The network, float32, in evaluation mode and without gradients; and its configuration.

    Raises:
        ReadError: a file is missing, too large, broken, or says something else than the other; the message says which and what.
    """
    config = read_config(folder)
    path = _file(folder, WEIGHTS, MAX_WEIGHTS_BYTES)
    described = _described(config, path)
    try:
        with safe_open(path, framework="pt") as stored:
            shapes = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}
        problem = _difference(shapes, described)
        if problem:
            raise ReadError(f"{path}: {problem}; weights and {CONFIG} belong to different networks, or one of them was changed")
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        if isinstance(error, ReadError):
            raise
        raise ReadError(f"{path}: expected weights in the safetensors format ({_first_line(error)}); get the folder anew") from error
    problem = _not_finite(state) or _wrong_type(state, described)
    if problem:
        raise ReadError(f"{path}: {problem}; get the folder anew, or train again")
    with torch.random.fork_rng(devices=[]):  # first weights are drawn and thrown away; the caller's random numbers stay as they were
        network = build_network(config.network, config.settings)
    network.load_state_dict(state)
    return network.requires_grad_(False).eval(), config


def read_config(folder: str | Path) -> ModelConfig:
    """Only the configuration: a moment, whatever the size of the weights.

    Raises:
        ReadError: as for `load_checkpoint`.
    """
    path = _file(folder, CONFIG, MAX_CONFIG_BYTES)
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        known = ", ".join(item.name for item in fields(ModelConfig))
        what = f"expected only the keys {known}" if first["type"] == "unexpected_keyword_argument" else first["msg"]
        raise ReadError(f"{path}: {where}: {what}; this is no configuration of format {FORMAT}, get the folder anew") from error
    except (MethodError, UnitsError) as error:
        raise ReadError(f"{path}: {error}") from error
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror or error})") from error


def fingerprint_of(folder: str | Path) -> str:
    """16 hexadecimal digits of the weights and the configuration: same model, same digits.

    Raises:
        ReadError: a file is missing or too large.
    """
    digest = hashlib.sha256()
    for name, limit in ((WEIGHTS, MAX_WEIGHTS_BYTES), (CONFIG, MAX_CONFIG_BYTES)):
        with _file(folder, name, limit).open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def _file(folder: str | Path, name: str, limit: int) -> Path:
    path = standing_folder(folder) / name
    if not path.is_file():
        raise ReadError(f"{folder}: expected a folder with {WEIGHTS} and {CONFIG}, but there is no {name}; give the folder of a checkpoint")
    if path.stat().st_size > limit:
        raise ReadError(f"{path}: is larger than {limit // 2**20} MiB, which no {name} is; look into it by hand")
    return path


def _bare(config: ModelConfig) -> dict[str, Tensor]:
    """The weights that a network of this configuration has, without their memory."""
    with torch.device("meta"):
        return dict(build_network(config.network, config.settings).state_dict())


def _described(config: ModelConfig, path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about layers of no width; they do not fit the file
            return _bare(config)
    except (MethodError, RuntimeError, ArithmeticError, LookupError, AttributeError, MemoryError) as error:
        raise ReadError(f"{path.with_name(CONFIG)}: {_first_line(error)}; this version of stormcell cannot build it") from error


def _difference(shapes: Mapping[str, tuple[int, ...]], described: Mapping[str, Tensor]) -> str | None:
    """What tells these weights from those of the network that was described; None if nothing does."""
    for name, tensor in described.items():
        if name not in shapes:
            if name in ADDED:
                continue
            return f"expected the weight {name!r}, which is missing"
        if shapes[name] != tuple(tensor.shape):
            return f"expected the weight {name!r} of shape {tuple(tensor.shape)}, got {shapes[name]}"
    unknown = [name for name in shapes if name not in described]
    return f"holds {unknown[0]!r}, which is no weight of this network" if unknown else None


def _wrong_type(state: Mapping[str, Tensor], described: Mapping[str, Tensor]) -> str | None:
    for name, tensor in state.items():
        wanted = described[name].dtype
        if tensor.dtype not in _FLOATS if wanted.is_floating_point else tensor.dtype != wanted:
            return f"expected {wanted} in {name!r}, got {tensor.dtype}"
    return None


def _not_finite(state: Mapping[str, Tensor]) -> str | None:
    bad = [name for name, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    return f"the weight {bad[0]!r} holds numbers that are not finite" if bad else None


def _plain(value: Any) -> Any:
    """As JSON has it: lists for tuples, plain numbers for numpy's and torch's, null for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]
