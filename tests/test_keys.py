"""Encryption keys as operators configure them."""

from __future__ import annotations

import pytest

from bot.store.encryption import new_key, parse_keys

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_a_new_key_is_a_key() -> None:
    """The output of `keys new` is a valid key."""
    (key,) = parse_keys(new_key())
    assert len(key.secret) == 32


def test_keeps_the_order() -> None:
    """The first key is the one that encrypts."""
    one, two = new_key(), new_key()
    assert [k.id for k in parse_keys(f"{one}, {two}")] == [
        parse_keys(one)[0].id,
        parse_keys(two)[0].id,
    ]


@pytest.mark.parametrize("text", ["", " , ", "short", f"{KEY},x", "!" * 44, KEY[:-4]])
def test_says_how_to_make_one(text: str) -> None:
    """An invalid key is rejected with the command that creates one."""
    with pytest.raises(ValueError, match="emporix-bot keys new"):
        parse_keys(text)


def test_shows_no_secret() -> None:
    """Printing a key doesn't show its secret."""
    (key,) = parse_keys(new_key())
    assert "secret" not in repr(key)
