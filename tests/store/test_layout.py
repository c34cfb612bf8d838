"""Keys that one command touches together lie in one slot of a cluster, and each is explained."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from redis.crc import key_slot

from bot.models import Caller
from bot.store import layout
from tests.documents import table
from tests.store.fixtures import ADA, GRACE

WORDS = {"clean_id": "id", "cursor_id": "id", "delivery": "digest", "job_id": "job"}
"""Parameters that the document calls otherwise."""

OF_A_TASK = layout.queued_task("<task>", "<key>")
"""A part of a key of saq's."""


def test_keys_of_a_user_share_a_slot() -> None:
    """All keys of one user are in one slot."""
    keys = [
        layout.account(ADA),
        layout.cursor(ADA, "cursor-1"),
        layout.cursors(ADA, "acme"),
        layout.once(ADA, "delivery-1"),
        layout.refresh(ADA, "acme"),
    ]
    assert len({key_slot(key.encode()) for key in keys}) == 1
    assert len(set(keys)) == len(keys)


def test_users_do_not_share_keys() -> None:
    """Enterprise, workspace and user all tell keys apart."""
    callers = [ADA, GRACE, Caller("T2", "U0ADA"), Caller("T0ACME", "U0ADA", "E1")]
    assert len({layout.account(caller) for caller in callers}) == len(callers)


def documented(function: Callable[..., str]) -> str:
    """The key that a function makes, as docs/redis-keys.md writes it."""
    wanted = {name: f"<{WORDS.get(name, name)}>" for name in inspect.signature(function).parameters}
    caller = {"caller": Caller("team", "user", "enterprise")}
    key = function(**{**wanted, **(caller if "caller" in wanted else {})})
    return key.replace("enterprise:team:user", "<user>").replace(
        "enterprise:team", "<enterprise:team>"
    )


def test_every_key_is_explained() -> None:
    """docs/redis-keys.md has each key that is made here, and no other."""
    made = [found for _, found in inspect.getmembers(layout, inspect.isfunction)]
    keys = {documented(found) for found in made if not found.__name__.startswith("_")}
    shown = {key.strip("`") for key, *_ in table("docs/redis-keys.md", "key")}
    assert {key for key in shown if not key.startswith("saq:")} == keys - {OF_A_TASK}
