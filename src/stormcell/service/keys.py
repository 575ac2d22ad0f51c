"""API keys: a service knows only their hashes, so who reads its settings cannot ask in another's name."""

import hashlib
import hmac
import secrets
import threading
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Sequence
from typing import final

from stormcell.errors import ConfigError

__all__ = ["KeyRing", "hash_key", "new_key"]

_COST, _BLOCK, _PARALLEL = 2**14, 8, 1  # scrypt: 16 MiB and some 50 ms
_REMEMBERED = 1000
_LONGEST = 200


def new_key() -> str:
    """A key that nobody can guess."""
    return f"sc_{secrets.token_urlsafe(32)}"


def hash_key(key: str, *, salt: bytes | None = None) -> str:
    """What the settings keep of a key: `scrypt$N$salt$hash`, slow to work out and of no use to ask with."""
    salt = secrets.token_bytes(16) if salt is None else salt
    return f"scrypt${_COST}${b64encode(salt).decode()}${b64encode(_derived(key, salt, _COST)).decode()}"


def _derived(key: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, n=cost, r=_BLOCK, p=_PARALLEL, dklen=32, maxmem=256 * cost * _BLOCK)


@final
class KeyRing:
    """The keys that may ask.

    Args:
        hashes: of `hash_key`; anybody may ask if there is none.

    Raises:
        ConfigError: one is no hash of a key.
    """

    def __init__(self, hashes: Sequence[str]) -> None:
        self._known = [_parsed(text) for text in hashes]
        self._secret = secrets.token_bytes(32)  # so that what is remembered of keys says nothing about them
        self._remembered: OrderedDict[bytes, bool] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """May anybody ask?"""
        return not self._known

    def remembered(self, key: str) -> bool | None:
        """Was this key good when it was last checked? None if it was not checked lately. This is quick."""
        with self._lock:
            return self._remembered.get(self._mark(key))

    def check(self, key: str) -> bool:
        """Is this one of the keys? Slow for a key that is not remembered, and as slow for a wrong one as for a right one."""
        if len(key) > _LONGEST:
            return False
        good = False
        for cost, salt, expected in self._known:
            good |= hmac.compare_digest(_derived(key, salt, cost), expected)
        with self._lock:
            self._remembered[self._mark(key)] = good
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return good

    def _mark(self, key: str) -> bytes:
        return hmac.digest(self._secret, key.encode(), "sha256")


def _parsed(text: str) -> tuple[int, bytes, bytes]:
    try:
        kind, cost, salt, derived = text.split("$")
        known = int(cost), b64decode(salt, validate=True), b64decode(derived, validate=True)
    except (ValueError, NotBase64):
        kind, known = "", (0, b"", b"")
    if kind != "scrypt" or not 2**10 <= known[0] <= 2**17 or known[0] & (known[0] - 1) or len(known[2]) != 32:
        raise ConfigError("api_keys: expected hashes that stormcell.service.keys.hash_key gives (scrypt$...), got something else")
    return known
