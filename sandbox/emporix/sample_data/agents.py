"""Sample agents. Emporix: `name` is a string or a map of languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Fields = dict[str, Any]

# tenant, id, name, type, enabled, the event that triggers it
ROSTER: tuple[tuple[str, str, object, str, bool, str], ...] = (
    (
        "acme",
        "complaint-agent",
        {"en": "Complaint Agent", "de": "Reklamations-Agent"},
        "complaint",
        True,
        "return.return-created",
    ),
    (
        "acme",
        "anti-fraud-agent",
        {"en": "Fraud Check", "de": "Betrugsprüfung"},
        "anti_fraud",
        True,
        "order.order-created",
    ),
    (
        "acme",
        "product-text-agent",
        {"en": "Product Copywriter", "de": "Produkttexter"},
        "generic",
        True,
        "product.product-created",
    ),
    ("acme", "order-status-agent", "Order Status", "generic", True, "order.order-status-changed"),
    (
        "acme",
        "translation-agent",
        {"de": "Übersetzer", "fr": "Traducteur"},
        "generic",
        True,
        "product.product-updated",
    ),
    ("acme", "returns-agent", {"en": "Returns"}, "generic", False, "return.return-created"),
    ("acme", "6841f0c2a95be3d7704c1e9f", "R&D <beta> *agent*", "generic", True, ""),
    ("globex", "complaint-agent", "Complaints", "complaint", True, "return.return-created"),
    ("globex", "anti-fraud-agent", "Anti-Fraud", "anti_fraud", True, "order.order-created"),
    ("globex", "product-text-agent", "Texts", "generic", True, "product.product-updated"),
    ("initech", "tps-agent", {"en": "TPS Report Agent"}, "generic", False, ""),
)


def agents() -> Iterator[tuple[str, Fields]]:
    """Return pairs of a tenant and a complete agent, including prompts and provider tokens."""
    for tenant, agent_id, name, kind, enabled, event in ROSTER:
        yield tenant, _agent(agent_id, name, kind, enabled) | {"triggers": _triggers(event)}


def _agent(agent_id: str, name: object, kind: str, enabled: bool) -> Fields:
    return {
        "id": agent_id,
        "name": name,
        "type": kind,
        "enabled": enabled,
        "description": {"en": "Answers by itself and hands over to a person when unsure."},
        "userPrompt": "PRIVATE PROMPT: be polite, never promise a refund above 200 EUR.",
        "templatePrompt": "PRIVATE PROMPT: you work for an online shop …",
        "llmConfig": {
            "provider": "self_hosted",
            "model": "shop-llm-8b",
            "temperature": 0.2,
            "token": "private-provider-token",
        },
        "tools": [{"id": "order-lookup", "type": "builtin"}],
        "metadata": {
            "version": 3,
            "createdAt": "2026-01-12T09:00:00.000Z",
            "modifiedAt": "2026-02-03T14:21:07.512Z",
        },
    }


def _triggers(event: str) -> list[Fields]:
    chat: Fields = {"type": "ENDPOINT"}
    return [chat, {"type": "COMMERCE_EVENTS", "events": [event]}] if event else [chat]
