"""Requests that are posted to the bot by hand."""

from __future__ import annotations

import pytest

from tests.posting import Poster
from tests.shop import Shop


@pytest.fixture
def poster(shop: Shop) -> Poster:
    return Poster(shop.http, shop.bot_url, shop.workspace.signing_secret, shop.clock)
