"""Digests for tests of the listeners and the scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.digests import Digest
from bot.store.digests import DigestStore
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def set_up(person: Person, **fields: Any) -> Exchange:
    """Submit the form with its defaults, except for `fields`, by block_id."""
    await person.command("/emporix digest")
    if "custom_days" in fields:
        await person.click("Custom")
    return await person.submit(fields)


async def stored(harness: AppHarness, digest_id: str = "digest-1") -> Digest:
    """A digest as it is stored."""
    digest = await DigestStore(harness.redis, harness.cipher).load(digest_id)
    assert digest is not None
    return digest


async def in_channel(harness: AppHarness, channel: str = "ops") -> list[dict[str, Any]]:
    """What everyone sees in a channel, apart from the announcements of new digests."""
    seen = await harness.person("ada", channel).messages()
    return [one for one in seen if not one["ephemeral"] and not is_announcement(one)]


def is_announcement(message: Mapping[str, Any]) -> bool:
    """Whether a message only says that someone set up a digest in its channel or moved it there."""
    return " digest" in message["text"] and " here, <!date" in message["text"]


async def announced(harness: AppHarness, channel: str = "ops") -> list[str]:
    """The announcements of digests in a channel."""
    seen = await harness.person("ada", channel).messages()
    return [message["text"] for message in seen if is_announcement(message)]


async def to_ada(harness: AppHarness) -> list[dict[str, Any]]:
    """Ada's direct messages."""
    return await harness.person("ada", "dm").messages()
