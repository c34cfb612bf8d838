"""The bot with both stand-ins, and hand-written requests to it."""

from __future__ import annotations

import pytest

from tests.harness.app import AppHarness
from tests.harness.signed_requests import Poster


@pytest.fixture
def poster(harness: AppHarness) -> Poster:
    return Poster(harness.http, harness.bot_url, harness.workspace.signing_secret, harness.clock)
