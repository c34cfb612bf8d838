"""The bot between its stand-ins, and requests that are posted to it by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.emporix.keys import ACME_OPERATIONS
from tests.clock import FakeClock
from tests.posting import Poster
from tests.shop import Shop, open_shop


@pytest.fixture
async def shop(redis: Any, redis_url: str, clock: FakeClock) -> AsyncIterator[Shop]:
    """Nobody is connected, and there are no jobs."""
    async with open_shop(redis, redis_url, clock) as opened:
        yield opened


@pytest.fixture
async def connected(shop: Shop) -> Shop:
    """Ada is connected to acme, and may delete."""
    await shop.connect(shop.ada, ACME_OPERATIONS)
    return shop


@pytest.fixture
def poster(shop: Shop) -> Poster:
    return Poster(shop.http, shop.bot_url, shop.workspace.signing_secret, shop.clock)
