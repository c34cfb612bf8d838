"""Ada in #ops, with a digest there."""

from __future__ import annotations

import pytest

from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up


@pytest.fixture
def ada(connected: AppHarness) -> Person:
    """Ada in #ops, connected to acme."""
    return connected.person("ada", "ops")


@pytest.fixture
async def digest(ada: Person) -> str:
    """The id of a digest in #ops: every day at nine in Berlin."""
    exchange = await set_up(ada)
    assert exchange.field_errors == {}
    return "digest-1"
