"""Events about a channel end what is cached about its readers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.models import Audience
from bot.store.audiences import Audiences
from sandbox.slack.person import Exchange, Person
from tests.shop import Shop

CHANGES: list[Callable[[Person], Awaitable[Exchange]]] = [
    Person.share_channel,
    Person.unshare_channel,
    Person.remove_app,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("channel", ["ops", "board"])
async def test_a_change_ends_what_is_cached(
    shop: Shop, change: Callable[[Person], Awaitable[Exchange]], channel: str
) -> None:
    """Shared, no longer shared, or without the app: public and private channels alike."""
    audiences = Audiences(shop.redis, shop.vault, per_minute=50)
    for name in ("C0OPS", "C0BOARD"):
        await audiences.keep(Audience(name), "")
    exchange = await change(shop.person("ada", channel))
    changed, other = ("C0OPS", "C0BOARD") if channel == "ops" else ("C0BOARD", "C0OPS")
    assert exchange.ack_status == 200
    assert (await audiences.read(changed)).audience is None
    assert (await audiences.read(other)).audience == Audience(other)
