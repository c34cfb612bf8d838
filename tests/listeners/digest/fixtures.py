"""Digests for tests of the listeners and of the clock."""

from __future__ import annotations

from typing import Any

from bot.models import Digest
from bot.store.digests import DigestStore
from sandbox.slack.person import Exchange, Person
from tests.shop import Shop

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def set_up(person: Person, **fields: Any) -> Exchange:
    """Fill in the form as it comes, but for `fields`, by their block_ids."""
    await person.command("/emporix digest")
    return await person.submit(fields)


async def stored(shop: Shop, digest_id: str = "digest-1") -> Digest:
    """A digest as it is kept."""
    digest = await DigestStore(shop.redis, shop.vault).load(digest_id)
    assert digest is not None
    return digest


async def in_channel(shop: Shop, channel: str = "ops") -> list[dict[str, Any]]:
    """What everyone sees in a channel."""
    seen = await shop.person("ada", channel).messages()
    return [message for message in seen if not message["ephemeral"]]


async def to_ada(shop: Shop) -> list[dict[str, Any]]:
    """What Ada is told directly."""
    return await shop.person("ada", "dm").messages()
