"""Sample imports and exports of agents, with every result in the API's contract."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from random import Random
from typing import Any

Fields = dict[str, Any]

# state, reason code, reason in English; empty for a success
OUTCOMES = (
    ("ENABLED", "", ""),
    ("TO_CREATE", "", ""),
    ("DISABLED", "AGENT_IMPORTED_DISABLED", "The agent was imported but left disabled."),
    ("EXISTS", "ALREADY_EXISTS", "An object with this ID exists already; it was kept."),
    ("FAILED", "MISSING_TOKEN", "The token order-api is not known in this tenant."),
    ("FAILED", "MISSING_FUNCTION", "The function price-lookup is not deployed."),
    ("FAILED", "NOT_IMPORTABLE", "A built-in tool cannot be imported."),
    ("FAILED", "IMPORT_FAILED", "The object could not be stored."),
)


def export_result(rng: Random, *, broken: bool = False) -> Fields:
    """Return Base64-encoded JSON and its SHA-256 in hex. If `broken`, the hash doesn't match."""
    bundle = {
        "agents": [{"id": f"agent-{rng.randint(1, 99)}", "name": {"en": "Exported agent"}}],
        "tools": [{"id": "order-lookup", "config": {"url": "https://shop.example/orders"}}],
        "mcpServers": [],
    }
    text = json.dumps(bundle).encode()
    checksum = sha256(text + b" " * broken).hexdigest()
    return {"data": b64encode(text).decode(), "checksum": checksum}


def import_result(rng: Random, *, successful: bool = False) -> Fields:
    """Return the result of an import of agents, tools and servers.

    Entries can fail individually.
    """
    outcomes = OUTCOMES[:2] if successful else OUTCOMES
    agents = [_entry("agent", number, outcomes[rng.randrange(len(outcomes))]) for number in (1, 2)]
    tools = [_entry("tool", number, rng.choice(outcomes)) for number in range(rng.randint(0, 3))]
    return _result(agents, tools, [_entry("mcp-server", 1, rng.choice(outcomes))])


def failed_import(result: Fields) -> Fields:
    """Return the result of the same import if it failed: none of its objects was stored."""
    agents, tools, servers = (
        [
            _entry(one["id"].rpartition("-")[0], place, OUTCOMES[-1])
            for place, one in enumerate(part, 1)
        ]
        for part in result["summary"].values()
    )
    return _result(agents, tools, servers)


def every_outcome() -> Fields:
    """Return an import that contains each state and each reason once."""
    entries = [_entry("agent", number, outcome) for number, outcome in enumerate(OUTCOMES, 1)]
    return _result(entries[:4], entries[4:7], entries[7:])


def _result(agents: list[Fields], tools: list[Fields], servers: list[Fields]) -> Fields:
    entries = [*agents, *tools, *servers]
    failed = sum(entry["state"] == "FAILED" for entry in entries)
    return {
        "message": f"Imported {len(entries) - failed} of {len(entries)} objects.",
        "summary": {"agents": agents, "tools": tools, "mcpServers": servers},
    }


def _entry(kind: str, number: int, outcome: tuple[str, str, str]) -> Fields:
    state, code, reason = outcome
    entry: Fields = {"id": f"{kind}-{number}", "name": f"Imported {kind} {number}", "state": state}
    if not code:
        return entry
    detail = {"code": code, "objectId": f"{code.lower()}-{number}", "message": reason}
    return entry | {"details": [detail | {"objectName": f"Object {number}"}]}
