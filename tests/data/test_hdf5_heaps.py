"""Lists without an end are found in files of any width of addresses and sizes, and good files pass."""

import struct

import h5py
import pytest

from stormcell.data.hdf5_heaps import check_heaps
from stormcell.errors import ReadError

WIDTHS = [(8, 8), (4, 4), (8, 4), (4, 8)]  # bytes of an address, and of a size
NUMBER = {4: "<I", 8: "<Q"}


def content_of(path, offset, length):
    """A group with gaps between its names, and texts one behind the other, some taken away again."""
    widths, age = h5py.h5p.create(h5py.h5p.FILE_CREATE), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    widths.set_sizes(offset, length)
    age.set_libver_bounds(h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_LATEST)
    with h5py.File(h5py.h5f.create(bytes(path), fcpl=widths, fapl=age)) as file:
        for number in range(30):
            file.create_group("a name of some length " * (number % 3) + str(number))
        for name in list(file)[::2]:
            del file[name]
        for number in range(40):
            file.attrs[str(number)] = "word " * (number % 5)
        for number in range(0, 40, 3):
            file.attrs[str(number)] = "another"
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("widths", WIDTHS)
def test_a_good_file_passes(widths, tmp_path):
    path = tmp_path / "a.h5"
    assert b"HEAP" in (content := content_of(path, *widths)) and b"GCOL" in content
    check_heaps(path, path)


@pytest.mark.parametrize("offset, length", WIDTHS)
def test_a_gap_that_leads_back_to_itself(offset, length, tmp_path):
    path = tmp_path / "a.h5"
    content = content_of(path, offset, length)
    fields = next(at + 8 for at in every(content, b"HEAP") if number_at(content, at + 8 + length, length) != 1)
    gap, segment = number_at(content, fields + length, length), number_at(content, fields + 2 * length, offset)
    struct.pack_into(NUMBER[length], content, segment + gap, gap)
    path.write_bytes(content)
    with pytest.raises(ReadError, match="round in a circle"):
        check_heaps(path, path)


@pytest.mark.parametrize("offset, length", WIDTHS)
@pytest.mark.parametrize("index, size", [(0, 0), (3, -16)], ids=["of no length", "as long as all memory"])
def test_a_text_that_leads_nowhere(offset, length, index, size, tmp_path):
    path = tmp_path / "a.h5"
    content = content_of(path, offset, length)
    first = content.index(b"GCOL") + 16
    struct.pack_into("<H", content, first, index)
    struct.pack_into(NUMBER[length], content, first + 8, size % 2 ** (8 * length))
    path.write_bytes(content)
    with pytest.raises(ReadError, match="round in a circle"):
        check_heaps(path, path)


def every(content, signature):
    at = content.find(signature)
    while at >= 0:
        yield at
        at = content.find(signature, at + 1)


def number_at(content, place, size):
    return int.from_bytes(content[place : place + size], "little")
