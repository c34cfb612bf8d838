"""Encrypted texts can be decrypted in their own place only, with any configured key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store.encryption import Cipher, DecryptionError, new_key, parse_keys

OLD, NEW = new_key(), new_key()


def cipher(*keys: str) -> Cipher:
    return Cipher(parse_keys(",".join(keys)))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text("abc:/{}"))
def test_decrypts_its_own_texts(text: str, place: str) -> None:
    """Any text is decrypted to what was encrypted."""
    assert cipher(NEW).decrypt(cipher(NEW).encrypt(text, place), place) == text


def test_does_not_open_elsewhere() -> None:
    """A text copied to another user's key can't be decrypted there."""
    encrypted = cipher(NEW).encrypt("secret", "ada/token:acme")
    with pytest.raises(DecryptionError):
        cipher(NEW).decrypt(encrypted, "grace/token:acme")


def test_decrypts_with_every_configured_key() -> None:
    """With a new first key, texts of the old key can still be decrypted."""
    rotated = cipher(NEW, OLD)
    assert rotated.decrypt(cipher(OLD).encrypt("secret", "place"), "place") == "secret"
    assert cipher(NEW).decrypt(rotated.encrypt("secret", "place"), "place") == "secret"


def test_does_not_open_with_a_key_that_is_gone() -> None:
    """A text can't be decrypted without its key."""
    with pytest.raises(DecryptionError):
        cipher(NEW).decrypt(cipher(OLD).encrypt("secret", "place"), "place")


@given(st.text(max_size=80))
def test_refuses_forged_texts(text: str) -> None:
    """Any forged text raises DecryptionError and nothing else."""
    with pytest.raises(DecryptionError):
        cipher(NEW).decrypt(text, "place")


def test_refuses_a_damaged_text() -> None:
    """A text with one changed character can't be decrypted."""
    encrypted = cipher(NEW).encrypt("secret", "place")
    changed = encrypted[:-6] + ("A" if encrypted[-6] != "A" else "B") + encrypted[-5:]
    with pytest.raises(DecryptionError):
        cipher(NEW).decrypt(changed, "place")


def test_shows_nothing_of_the_text() -> None:
    """An encrypted text contains the key's id, but not the text."""
    assert "client-secret" not in cipher(NEW).encrypt("client-secret", "place")
