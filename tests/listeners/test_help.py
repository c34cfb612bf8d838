"""/emporix help — answered in the ack."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.harness.app import AppHarness


@pytest.mark.parametrize("text", ["", "help", "help connect", "help jobs", "help filters"])
async def test_shows_what_can_be_typed(
    harness: AppHarness, text: str, snapshot: SnapshotAssertion
) -> None:
    """Help is answered in the ack, so it works even if everything else is down."""
    exchange = await harness.ada.command(f"/emporix {text}".strip())
    assert [sent["via"] for sent in exchange.sent] == ["ack"]
    assert exchange.payloads == snapshot
