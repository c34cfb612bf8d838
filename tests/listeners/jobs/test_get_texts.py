"""/emporix jobs get — what the agent wrote, in the shapes that are met."""

from __future__ import annotations

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import job_id

COMPLAINT = """Dear Ms Okafor,

we are **sorry** for the late refund of order `EON1031`.

| item | amount |
|---|---:|
| Rain jacket Nordlicht | 120.50 |
| Shipping | 4.90 |

What happens now:

1. The amount was booked *today*
2. It reaches your account
   - by card: in 3 days
   - by bank: in 5 days
3. See [your order](https://shop.example/orders/EON1031) or [shop.example](https://evil.example)

> Your complaint of Monday

Best regards"""
VERDICT = {"orderId": "EON1031", "score": 19.90, "reasons": ["new account", "*many* <!channel>"]}
TEXTS = {
    "complaint": COMPLAINT,
    "fenced": f"```json\n{json.dumps(VERDICT)}\n```",
    "encoded twice": json.dumps(json.dumps(VERDICT)),
    "code": "Run this:\n\n```sql\nSELECT *\n  FROM orders; -- **all**\n```\n\nThen look.",
    "letters": "Order EON1031 is late.\\n\\nReasons:\\n- strike\\n- customs",
}


async def opened(harness: AppHarness, **fields: Any) -> dict[str, Any]:
    job = {"id": job_id(1), "status": "success", "type": "AGENT_CHAT"} | fields
    harness.emporix_state.add_job("acme", **job)
    exchange = await harness.ada.command(f"/emporix jobs get {job_id(1)}")
    assert [sent["answer"]["status"] for sent in exchange.sent if sent["via"] != "ack"] == [200]
    return exchange.payloads[0]


@pytest.mark.parametrize("name", TEXTS)
async def test_formats_agent_messages(
    connected: AppHarness, name: str, snapshot: SnapshotAssertion
) -> None:
    """Markdown is formatted, JSON and code are code blocks, and links show their hosts."""
    payload = await opened(connected, message=TEXTS[name])
    assert payload["blocks"][1:-2] == snapshot


async def test_lists_without_the_noise(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """In a list each text is one line, without stars, fences and pipes."""
    for number, text in enumerate(TEXTS.values()):
        connected.emporix_state.add_job("acme", id=job_id(number), status="success", message=text)
    exchange = await connected.ada.command("/emporix jobs list")
    sections = [block.get("text", {}) for block in exchange.payloads[0]["blocks"]]
    lines = [text["text"] for text in sections if text.get("type") == "plain_text"]
    assert sorted(lines) == snapshot


def entry(number: int, state: str, *reasons: dict[str, str]) -> dict[str, Any]:
    return {"id": f"a{number}", "name": f"Agent {number}", "state": state, "details": [*reasons]}


async def test_shows_failures_of_an_import_first(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Each entry with its state and its reasons in words; the headline says that some failed."""
    summary = {
        "agents": [
            entry(1, "ENABLED"),
            entry(2, "FAILED", {"message": "The token order-api is missing."}),
            entry(3, "DISABLED", {"code": "AGENT_IMPORTED_DISABLED"}),
        ],
        "tools": [entry(4, "EXISTS"), entry(5, "FAILED", {"code": "MISSING_FUNCTION"})],
        "mcpServers": [{"state": "TO_CREATE"}, entry(7, "POSTPONED")],
    }
    result = {"message": "Imported 5 of 7.", "summary": summary}
    payload = await opened(connected, importResult=result)
    assert payload["blocks"] == snapshot


async def test_counts_the_entries_beyond_twenty(connected: AppHarness) -> None:
    """A large import shows as many failures as fit, and counts the others by state."""
    agents = [entry(number, ("ENABLED", "EXISTS")[number % 2]) for number in range(40)]
    agents += [entry(number, "FAILED", {"message": "no token"}) for number in range(40, 63)]
    result = {"summary": {"agents": agents}}
    payload = await opened(connected, type="IMPORT", importResult=result)
    shown = [
        block["elements"][0]["text"] for block in payload["blocks"] if block["type"] == "context"
    ]
    assert sum("failed – no token" in line for line in shown) == 20
    (rest,) = [block for block in payload["blocks"] if "accessory" in block]
    assert rest["text"]["text"] == "43 more entries: 20 enabled, 20 kept as it was, 3 failed."
    outcome = ":warning: *Import* · 20 of 63 imported, 20 kept as they were, 23 failed: no token"
    assert payload["blocks"][0]["text"]["text"].startswith(outcome)
