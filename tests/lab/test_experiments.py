"""Every experiment of the lab: its words are complete, what it shows is code that runs, and its claim holds."""

import importlib
import inspect
import pkgutil
import random

import numpy as np
import pytest
import torch

import stormcell.lab
from stormcell.lab import EXPERIMENTS, Experiment
from stormcell.lab.book.equations import mathml
from stormcell.lab.book.source import quoted
from stormcell.lab.run import run_experiment

QUICK = ("identity-network", "back-propagation")
LONGEST_QUOTATION = 75
SECONDS = 120 * 2  # of processor time: two minutes of two cores


@pytest.fixture(params=sorted(EXPERIMENTS))
def named(request) -> tuple[str, Experiment]:
    return request.param, EXPERIMENTS[request.param]


def test_all_files_with_an_experiment_are_listed():
    found = set()
    for module in pkgutil.iter_modules(stormcell.lab.__path__, "stormcell.lab."):
        if not module.ispkg and hasattr(importlib.import_module(module.name), "EXPERIMENT"):
            found.add(module.name.rpartition(".")[2].replace("_", "-"))
    assert found == set(EXPERIMENTS)


def test_words_are_complete(named):
    name, experiment = named
    for text in (experiment.title, experiment.claim, experiment.place, experiment.idea, experiment.lesson):
        assert text.strip() and text[0] == text[0].upper() or text[0].islower(), name
    assert experiment.claim.rstrip().endswith((".", "?", "!")) and len(experiment.claim) < 400
    assert len(experiment.idea.split()) > 40 and len(experiment.lesson.split()) > 30 and len(experiment.next) >= 2
    assert experiment.equations and all("merror" not in mathml(tex) for tex in experiment.equations)
    assert len({one.title for one in EXPERIMENTS.values()}) == len(EXPERIMENTS)


def test_what_is_shown_is_short_and_from_the_package(named):
    name, experiment = named
    assert experiment.shown
    quotations = [quoted(one) for one in experiment.shown]
    assert any(quotation.file == f"stormcell/lab/{name.replace('-', '_')}.py" for quotation in quotations), "its own code comes first"
    for quotation in quotations:
        assert quotation.last - quotation.first < LONGEST_QUOTATION, f"{name}: {quotation.file} is too long to read"


def test_its_file_is_short(named):
    module = inspect.getmodule(named[1].run)
    assert module is not None and len(inspect.getsource(module).splitlines()) <= 260


def check_run(name: str, folder) -> None:
    """One run: the claim holds, the numbers and pictures are there, in time, and nobody else's random numbers are touched."""
    torch.manual_seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate(), torch.get_num_threads(), torch.get_default_dtype()
    record = run_experiment(name, folder)
    assert torch.equal(before[0], torch.get_rng_state()) and (before[1] == np.random.get_state()[1]).all()
    assert before[2:] == (random.getstate(), torch.get_num_threads(), torch.get_default_dtype())
    assert record.holds, [check for check in record.checks if not check["holds"]]
    assert record.processor_seconds < SECONDS and record.figures and 1 <= len(record.pictures) <= 2
    for picture in record.pictures:
        svg = (folder / name / picture["file"]).read_text()
        assert 2_000 < len(svg) < 2_000_000 and len(picture["description"]) > 40 and picture["message"].endswith((".", "!"))


@pytest.mark.parametrize("name", QUICK)
def test_quick_ones_hold(name, tmp_path):
    check_run(name, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name not in QUICK])
def test_all_hold(name, tmp_path):
    check_run(name, tmp_path)
