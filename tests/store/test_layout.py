"""Keys that one command touches together lie in one slot of a cluster."""

from __future__ import annotations

from redis.crc import key_slot

from bot.models import Caller
from bot.store import layout
from tests.store.fixtures import ADA, GRACE


def test_keys_of_a_user_share_a_slot() -> None:
    """All keys of one user are in one slot."""
    keys = [
        layout.account(ADA),
        layout.cursor(ADA, "cursor-1"),
        layout.cursors(ADA, "acme"),
        layout.form(ADA, "form-1"),
        layout.once(ADA, "delivery-1"),
        layout.refresh(ADA, "acme"),
    ]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == len(keys)


def test_users_do_not_share_keys() -> None:
    """Enterprise, workspace and user all tell keys apart."""
    callers = [ADA, GRACE, Caller("T2", "U0ADA"), Caller("T0ACME", "U0ADA", "E1")]
    assert len({layout.account(caller) for caller in callers}) == len(callers)
