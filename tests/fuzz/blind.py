"""Mutations that know nothing of a format: bits, bytes, cuts, copies, numbers of the kind that break readers, and packings."""

import bz2
import gzip
import io
import random
import re
import tarfile

__all__ = ["HOSTILE_NUMBERS", "HOSTILE_TEXTS", "blind", "packed", "reworded", "tarred"]

HOSTILE_NUMBERS = (0, 1, -1, 2, 127, 255, 256, 32767, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, -(2**31))
HOSTILE_TEXTS = (
    *(str(number) for number in HOSTILE_NUMBERS),
    *(
        "",
        "nan",
        "inf",
        "-inf",
        "1e308",
        "-0",
        "1e-320",
        "0x10",
        " ",
        "%s%n",
        "\x00",
        "a\x00b",
        "\x1b[31m",
        "\xff\xfe",
        "é",
        "None",
        "true",
    ),
    *("9" * 400, "9" * 5000, "A" * 70_000, "1." * 500, "../../etc/passwd", "/dev/zero", "[]", "{}", "+proj=pipeline", "\n", "\r\n"),
)
_WORD = re.compile(rb"[0-9.+-]+|[A-Za-z_]+")
_HEAD = 2048


def blind(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """One to four changes anywhere, every second one near the start, where headers are; `others` lend their parts."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not content:
            break
        at = rng.randrange(min(len(content), _HEAD) if rng.random() < 0.5 else len(content))
        length = min(len(content) - at, rng.choice((1, 2, 4, 8, 64, 1024)))
        kind = rng.randrange(9)
        if kind == 0:
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            content[at : at + length] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF))]) * length
        elif kind == 2:
            del content[at:]
        elif kind == 3:
            del content[at : at + length]
        elif kind == 4:
            content[at:at] = content[at : at + length] * rng.choice((1, 2, 50))
        elif kind == 5:
            size = rng.choice((1, 2, 4, 8))
            number = rng.choice(HOSTILE_NUMBERS) % 256**size
            content[at : at + size] = number.to_bytes(size, rng.choice(("big", "little")))
        elif kind == 6:
            content[at : at + length] = rng.randbytes(length)
        elif kind == 7:  # the head of another file
            other = rng.choice(others)
            size = rng.randrange(1, min(len(other), _HEAD) + 1)
            content[:size] = other[:size]
        else:
            elsewhere = rng.randrange(len(content))
            content[at : at + length] = content[elsewhere : elsewhere + length]
    return bytes(content)


def reworded(rng: random.Random, data: bytes, *, within: int = _HEAD) -> bytes:
    """Words and numbers of a text header in the place of others."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        words = list(_WORD.finditer(data, 0, min(within, len(data))))
        if words:
            word = rng.choice(words)
            new = rng.choice(HOSTILE_TEXTS).encode("latin-1", "replace") if rng.random() < 0.8 else rng.choice(words)[0]
            data = data[: word.start()] + new + data[word.end() :]
    return data


def packed(rng: random.Random, data: bytes) -> bytes:
    """As it is mostly; else in gzip or bzip2: whole, twice, cut off, damaged, with rubbish behind it, or with a bomb behind it."""
    if rng.random() < 0.7:
        return data
    pack = rng.choice((lambda content: gzip.compress(content, 1, mtime=0), lambda content: bz2.compress(content, 1)))
    kind = rng.randrange(6)
    if kind == 0:
        return pack(pack(data))
    content = pack(data)
    if kind == 1:
        return content[: rng.randrange(1, len(content) + 1)]
    if kind == 2:
        return blind(rng, content, [content])
    if kind == 3:
        return content + rng.randbytes(50)
    if kind == 4 and rng.random() < 0.02:
        return content + _bomb(pack)
    return content


def _bomb(pack) -> bytes:  # type: ignore[no-untyped-def]
    """600 MiB of nothing, in members of 1 MiB."""
    return pack(bytes(2**20)) * 600


def tarred(rng: random.Random, files: list[bytes]) -> bytes:
    """A tar archive that lies: names that lead out, links, devices, sizes that are none, members beyond number."""
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=rng.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    ) as archive:
        for number in range(rng.choice((1, 1, 2, 3, 600) if len(files[0]) < 50_000 else (1, 2))):
            name = rng.choice(("a", "../../outside", "/tmp/outside", "/etc/passwd", "b/../../c", "x" * 99, "a\nb", ".", f"n{number}"))
            member = tarfile.TarInfo(name)
            kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, tarfile.CONTTYPE)
            if rng.random() < 0.3:
                member.type, member.linkname = rng.choice(kinds), rng.choice(("/etc/passwd", "../outside", "a", name[:90]))
            content = rng.choice(files)
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    data = bytearray(buffer.getvalue())
    if rng.random() < 0.4:  # a size that lies, in a header whose sum is right
        size = rng.choice((b"77777777777\0", b"\x80" + bytes(7) + b"\x7f\xff\xff\xff", b"\xff" * 12, b"00000000000\0", b"00000000777\0"))
        data[124:136] = size
        data[148:156] = b" " * 8
        data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)
