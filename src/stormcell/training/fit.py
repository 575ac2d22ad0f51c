"""An experiment file becomes a run: data, network, loss and optimiser are put together here, and nowhere else."""

import logging
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.loggers import TensorBoardLogger

import stormcell
from stormcell.atomic import replacing
from stormcell.bfloat16 import has_fast_bfloat16
from stormcell.config import Experiment, as_toml, read_experiment
from stormcell.errors import ConfigError, TrainingError
from stormcell.networks.architectures import build_network
from stormcell.networks.autoregressive import NextFrame
from stormcell.networks.checkpoint import ModelConfig
from stormcell.networks.guided import SCALE, Guided
from stormcell.networks.losses import weighted_sum
from stormcell.networks.representation import Representation
from stormcell.products.pictures.training_curves import draw_range_test
from stormcell.training.batches import Feed, Numbered, Swept
from stormcell.training.curves import Curves
from stormcell.training.diagnostics import Diagnostics
from stormcell.training.guided_module import GuidedModule
from stormcell.training.initial import take_weights
from stormcell.training.learning_rate import SCHEDULES, range_test
from stormcell.training.module import NowcastModule
from stormcell.training.report import Report
from stormcell.training.sample_rule import warn_of_few_samples
from stormcell.training.saving import BEST, LAST, Saving
from stormcell.training.settle import settle
from stormcell.training.sources import SETTLING, Source, open_source

__all__ = ["EXPERIMENT", "find_learning_rate", "make_module", "train"]

EXPERIMENT = "experiment.toml"


def train(
    experiment: Experiment, folder: str | Path, *, resume: bool = False, say: Callable[[str, bool], None] = lambda line, keep: None
) -> Path:
    """Train a network as an experiment says.

    The folder gets `experiment.toml` (everything resolved), `curves.csv`, TensorBoard's files, `last.ckpt` after every validation, and
    `best/`, the model folder that `stormcell nowcast --method FOLDER` takes.

    Args:
        experiment: what to do; see `stormcell.config.read_experiment`.
        folder: of the run.
        resume: go on from `last.ckpt`. The losses are those of a run that was never stopped.
        say: takes lines about how far it is; see `Report`.

    Returns:
        The model folder of the best weights.

    Raises:
        ConfigError: the experiment does not fit, or the folder holds another run.
        MethodError: an unknown network, setting or loss.
        ReadError: the data cannot be read.
        TrainingError: the run cannot go on; says why.
    """
    folder = Path(folder)
    experiment = _decided(experiment, folder / EXPERIMENT if resume else None)
    _claim(folder, experiment, resume=resume)
    if experiment.training.precision == "bf16-mixed" and not has_fast_bfloat16(experiment.training.accelerator):
        say("no instructions for bf16 here: training.precision = 32-true may be many times faster", True)
    module = _begun(experiment, say, anew=not resume)
    source = open_source(experiment.data, experiment.seed, guided=isinstance(module, GuidedModule))
    _describe(experiment, source, 0, 0.0, {})  # what a checkpoint cannot say is better known now than after the first validation
    warn_of_few_samples(source.windows, sum(weight.numel() for weight in module.network.parameters()))
    with _quiet_lightning():
        trainer = _trainer(experiment, source, folder, say)
        trainer.fit(
            module,
            datamodule=Feed(source.train, source.validation, experiment.training, experiment.data.validation_windows),
            ckpt_path=folder / LAST if resume else None,
            weights_only=True,
        )
    if not (folder / BEST).is_dir():
        raise TrainingError(f"{folder}: the run ended without a validation that is a number; see curves.csv")
    if isinstance(module, GuidedModule):
        assert source.settling is not None
        settle(
            folder / BEST,
            module,
            Swept(source.settling, SETTLING, experiment.training.batch),
            title=experiment.name,
        )
    return folder / BEST


def find_learning_rate(experiment: Experiment, folder: str | Path, *, steps: int = 100) -> float:
    """Learn one batch at a rate that grows from step to step, and see where its loss falls most steeply; see `range_test`.

    It is the same batch at every step: batches of rain differ so much that what the rate does would be lost among them.

    Args:
        experiment: as for `train`; its own learning rate and schedule have no part in this.
        folder: gets `learning_rate.png`.
        steps: how many.

    Returns:
        A good peak for training.learning_rate.

    Raises:
        TrainingError: the loss fell nowhere.
    """
    experiment = _decided(experiment, None)
    module = _begun(experiment, lambda line, keep: None, anew=True)
    source = open_source(experiment.data, experiment.seed, guided=isinstance(module, GuidedModule))
    optimizer = module.optimizer()
    usual = [group["lr"] / optimizer.param_groups[0]["lr"] for group in optimizer.param_groups]
    number, values = next(iter(Numbered(source.train, 0, 1, experiment.training.batch)))

    def step(rate: float) -> float:
        for group, share in zip(optimizer.param_groups, usual, strict=True):
            group["lr"] = share * rate
        with torch.autocast("cpu", torch.bfloat16, enabled=experiment.training.precision == "bf16-mixed"):
            loss = module.loss_of(number, values)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        return float(loss.detach())

    found = range_test(step, steps=steps)
    draw_range_test(found.rates, found.losses, found.smoothed, found.suggested, Path(folder) / "learning_rate.png")
    return found.suggested


def make_module(experiment: Experiment) -> NowcastModule:
    """The network of an experiment with its first weights, its loss and its schedule.

    Raises:
        MethodError: an unknown network, setting or loss.
        ConfigError: a representation that makes no scale, or scheduled sampling for a network that has no use for it.
    """
    how = experiment.training
    settings = {key: value for key, value in experiment.network.items() if key != "name"}
    network = build_network(experiment.network["name"], settings)
    if how.scheduled_sampling and not isinstance(network, NextFrame):
        raise ConfigError(
            f"training.scheduled_sampling: is for networks that forecast frame by frame, not for {experiment.network['name']}; leave it out"
        )
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's own stubs leave this one out
    schedules: dict[str, Callable[[int, int], float]] = {
        "constant": SCHEDULES["constant"],
        "cosine": partial(SCHEDULES["cosine"], warm_up=min(how.warm_up, how.steps // 10)),
        "step-decay": partial(SCHEDULES["step-decay"], every=max(how.steps // 5, 1)),
    }
    if isinstance(network, Guided):
        return GuidedModule(network, experiment.data.past, how, schedule=schedules[how.schedule], seed=experiment.seed)
    return NowcastModule(
        network,
        weighted_sum(experiment.loss),
        _representation(experiment),
        experiment.data.past,
        how,
        sigmoid=experiment.output == "sigmoid",
        schedule=schedules[how.schedule],
        seed=experiment.seed,
    )


def _begun(experiment: Experiment, say: Callable[[str, bool], None], *, anew: bool) -> NowcastModule:
    """Threads, random numbers and first weights as the experiment asks for; weights that are read from `last.ckpt` later, if not anew."""
    how = experiment.training
    if how.threads:
        torch.set_num_threads(how.threads)
    seed_everything(experiment.seed, verbose=False)
    module = make_module(experiment)
    if how.start_from and anew:
        share = take_weights(module.network, how.start_from)
        say(f"{share:.0%} of the weights are those of {how.start_from}", True)
    return module


def _decided(experiment: Experiment, begun: Path | None) -> Experiment:
    """With the precision that the run has: that which it began with, or what is faster here."""
    if experiment.training.precision != "auto":
        return experiment
    if begun is not None and begun.is_file():
        precision = read_experiment(begun).training.precision
    else:
        precision = "bf16-mixed" if has_fast_bfloat16(experiment.training.accelerator) else "32-true"
    training = experiment.training.model_copy(update={"precision": precision})
    return experiment.model_copy(update={"training": training})


def _claim(folder: Path, experiment: Experiment, *, resume: bool) -> None:
    """Make the folder this run's, and no other's."""
    stored = folder / EXPERIMENT
    if resume:
        if not (folder / LAST).is_file():
            raise ConfigError(f"{folder}: nothing to go on from, there is no {LAST}; leave out --resume to begin")
        before, now = (set(as_toml(said).splitlines()) for said in (read_experiment(stored), experiment))
        if before != now:
            old, new = ", ".join(sorted(before - now)) or "nothing more", ", ".join(sorted(now - before)) or "nothing more"
            raise ConfigError(f"{folder}: was begun with {old}, now {new}; choose another folder with -o, or go on as it was begun")
        return
    if (folder / LAST).exists():
        raise ConfigError(f"{folder}: holds a run already; give --resume to go on with it, or another folder with -o")
    if (folder / BEST).exists():
        raise ConfigError(f"{folder}: holds a model already, in {BEST}; give another folder with -o, or remove it if it is not wanted")
    with replacing(stored) as beside:
        beside.write_text(as_toml(experiment), "utf-8")


def _representation(experiment: Experiment) -> Representation:
    if experiment.network["name"] == "guided":
        return SCALE
    said = dict(experiment.representation)
    if experiment.data.kind != "archive":
        said.setdefault("quantity", "grey")
    try:
        return Representation(**said)
    except TypeError as error:
        raise ConfigError(f"representation: {error}") from None


def _describe(experiment: Experiment, source: Source, step: int, minutes: float, scores: dict[str, float]) -> ModelConfig:
    """What goes beside the weights."""
    data, how = experiment.data, experiment.training
    return ModelConfig(
        network=experiment.network["name"],
        settings={key: value for key, value in experiment.network.items() if key != "name"},
        step_minutes=source.step_minutes,
        pixel_km=source.pixel_km,
        past_steps=data.past,
        future_steps=data.future,
        output=experiment.output,
        representation=_representation(experiment),
        data=source.said,
        training={
            "experiment": experiment.name,
            "steps": step,
            "windows_seen": step * how.batch,
            "processor_minutes": round(minutes, 1),
            "loss": experiment.loss,
            "optimizer": how.optimizer,
            "learning_rate": how.learning_rate,
            "precision": how.precision,
            "seed": experiment.seed,
            "stormcell": stormcell.__version__,
            "torch": torch.__version__,
            "processor": platform.machine(),
        },
        scores={name: round(value, 6) for name, value in scores.items()},
    )


def _trainer(experiment: Experiment, source: Source, folder: Path, say: Callable[[str, bool], None]) -> Trainer:
    how = experiment.training
    describe = partial(_describe, experiment, source)
    callbacks = [
        Curves(folder),
        Saving(folder, describe, title=experiment.name, monitor=how.monitor, patience=how.patience),
        Report(say, how),
        *([Diagnostics(folder, every=how.diagnose_every)] if how.diagnose_every else []),
    ]
    assert how.precision != "auto", "decided when the run began"
    together = how.devices * how.nodes > 1
    try:
        return Trainer(
            max_steps=how.steps,
            max_epochs=-1,
            accelerator=how.accelerator,
            devices=how.devices,
            num_nodes=how.nodes,
            strategy="ddp" if together else "auto",
            precision=how.precision,
            callbacks=callbacks,
            logger=TensorBoardLogger(folder, name="tensorboard", version=""),
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
        )
    except MisconfigurationException as error:
        raise ConfigError(f"training.accelerator = {how.accelerator}, devices = {how.devices}: not on this machine ({error})") from None


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without Lightning's advice on what is meant as it is, and without its lines about devices."""
    speakers = [logging.getLogger(name) for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch.accelerators.cuda")]
    levels = [speaker.level for speaker in speakers]
    for speaker in speakers:
        speaker.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*`__len__` defined.*")
            warnings.filterwarnings("ignore", message=".*treespec.*")  # Lightning's own, with torch 2.13
            yield
    finally:
        for speaker, level in zip(speakers, levels, strict=True):
            speaker.setLevel(level)
