"""Keys are hashed; who has the settings has no key."""

import pytest

from stormcell.errors import ConfigError
from stormcell.service.keys import KeyRing, hash_key, new_key


def test_the_right_key_opens_and_another_does_not():
    key = new_key()
    ring = KeyRing([hash_key(new_key()), hash_key(key)])
    assert not ring.is_open and ring.remembered(key) is None
    assert ring.check(key) and ring.remembered(key)
    assert not ring.check(new_key()) and not ring.check("") and not ring.check("x" * 5000)


def test_the_hash_does_not_hold_the_key_and_is_salted():
    key = new_key()
    one, other = hash_key(key), hash_key(key)
    assert key not in one and one != other and one.startswith("scrypt$16384$")


def test_without_keys_anybody_may_ask():
    assert KeyRing([]).is_open


@pytest.mark.parametrize(
    "text", ["secret", "scrypt$16384$x$y", "scrypt$999999999$AAAA$AAAA", "md5$16384$AAAA$AAAA", "scrypt$16384$AAAA$AAAA"]
)
def test_a_key_that_is_not_hashed_is_refused(text):
    with pytest.raises(ConfigError, match="hash_key") as caught:
        KeyRing([text])
    assert text not in str(caught.value)
