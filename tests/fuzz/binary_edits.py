"""Mutations by structure of GRIB, GIF and NetCDF-3: lengths, counts and sizes in the places where these formats keep them."""

import random

from tests.fuzz.blind import HOSTILE_NUMBERS

__all__ = ["edited_gif", "edited_grib"]


def edited_grib(rng: random.Random, data: bytes) -> bytes:
    """Section lengths, numbers and templates; grid sizes; packing; sections left out, twice or in another order; more messages."""
    sections = _sections(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        kind = rng.randrange(8)
        at = rng.randrange(1, len(sections))
        section = sections[at]
        if kind == 0 and len(section) > 4:
            section[0:4] = _four(rng)
        elif kind == 1 and len(section) > 4:
            section[4] = rng.randrange(256)
        elif kind == 2:
            sections[0][8:16] = (rng.choice(HOSTILE_NUMBERS) % 2**64).to_bytes(8, "big")
        elif kind == 3:
            sections.pop(at)
        elif kind == 4:
            sections.insert(at, bytearray(section))
        elif kind == 5 and len(sections) > 3:
            other = rng.randrange(1, len(sections))
            sections[at], sections[other] = sections[other], section
        elif kind == 6:
            for grid in (one for one in sections if len(one) > 4 and one[4] == 3):
                place = rng.choice((6, 12, 14, 30, 34, 38, 42, 46, 50, 55, 59, 63, 67, 71))
                grid[place : place + 4] = _four(rng)
        else:  # representation: number of values, template, reference, scales, bits
            for packing in (one for one in sections if len(one) > 4 and one[4] == 5):
                place = rng.choice((5, 9, 11, 15, 17, 19, 20))
                packing[place : place + 2] = _four(rng)[: rng.choice((1, 2))]
        if len(sections) < 3:
            break
    joined = b"".join(map(bytes, sections))
    if rng.random() < 0.5:
        joined = joined[:8] + len(joined).to_bytes(8, "big") + joined[16:]
    return joined * rng.choice((1, 1, 1, 1, 2, 500)) if rng.random() < 0.1 else joined


def _four(rng: random.Random) -> bytes:
    return (rng.choice(HOSTILE_NUMBERS) % 2**32).to_bytes(4, "big") if rng.random() < 0.7 else rng.randbytes(4)


def _sections(data: bytes) -> list[bytearray]:
    parts, place = [bytearray(data[:16])], 16
    while place + 4 < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        parts.append(bytearray(data[place : place + length]))
        place += length
    return [*parts, bytearray(data[place:])]


def edited_gif(rng: random.Random, data: bytes) -> bytes:
    """Screen and image sizes, palette flags, code size, block lengths, images beyond number."""
    content = bytearray(data)
    image = content.find(b"\x2c\0\0\0\0")
    for _ in range(rng.choice((1, 1, 2, 3))):
        kind = rng.randrange(6)
        if kind == 0:
            place = rng.choice((6, 8))
            content[place : place + 2] = (rng.choice(HOSTILE_NUMBERS) % 65536).to_bytes(2, "little")
        elif kind == 1:
            place = image + rng.choice((1, 3, 5, 7))
            content[place : place + 2] = (rng.choice(HOSTILE_NUMBERS) % 65536).to_bytes(2, "little")
        elif kind == 2:
            content[rng.choice((10, image + 9))] = rng.randrange(256)
        elif kind == 3:
            content[image + 10] = rng.randrange(256)
        elif kind == 4:
            content[image + 11 + rng.randrange(300)] = rng.randrange(256)
        else:
            content[image:image] = content[image:] * rng.choice((1, 3, 20)) if len(content) < 20_000 else b"\x21\xfe\x05hello\x00"
    return bytes(content)
