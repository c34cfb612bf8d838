"""Digests for tests of the listeners and the scheduler."""

from __future__ import annotations

from typing import Any

from bot.domain.digests import Digest
from bot.store.digests import DigestStore
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def set_up(person: Person, **fields: Any) -> Exchange:
    """Submit the form with its defaults, except for `fields`, by block_id."""
    await person.command("/emporix digest")
    return await person.submit(fields)


async def stored(harness: AppHarness, digest_id: str = "digest-1") -> Digest:
    """A digest as it is stored."""
    digest = await DigestStore(harness.redis, harness.cipher).load(digest_id)
    assert digest is not None
    return digest


async def in_channel(harness: AppHarness, channel: str = "ops") -> list[dict[str, Any]]:
    """The messages that everyone sees in a channel."""
    seen = await harness.person("ada", channel).messages()
    return [message for message in seen if not message["ephemeral"]]


async def to_ada(harness: AppHarness) -> list[dict[str, Any]]:
    """Ada's direct messages."""
    return await harness.person("ada", "dm").messages()
