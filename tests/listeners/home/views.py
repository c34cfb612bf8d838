"""The content of a Home tab, for tests of the listeners."""

from __future__ import annotations

import json
from typing import Any

from sandbox.slack.blockkit.walk import elements
from sandbox.slack.person import Exchange


def published(exchange: Exchange) -> list[dict[str, Any]]:
    """The views that Slack accepted, in order."""
    return [
        sent["payload"]["view"]
        for sent in exchange.sent
        if sent["via"] == "views.publish" and sent["answer"]["ok"]
    ]


def words(view: dict[str, Any] | None) -> str:
    """All texts of a Home tab, line by line."""
    return "\n".join(_texts((view or {}).get("blocks", [])))


def buttons(view: dict[str, Any] | None) -> list[str]:
    """The labels of all buttons in a Home tab."""
    return [one["text"]["text"] for one in found(view) if one["type"] == "button"]


def options(view: dict[str, Any] | None) -> list[str]:
    """The labels of all options of menus in a Home tab."""
    menus = [one for one in found(view) if one["type"] == "overflow"]
    return [option["text"]["text"] for menu in menus for option in menu["options"]]


def found(view: dict[str, Any] | None) -> list[dict[str, Any]]:
    """All elements in a Home tab."""
    return [one for block in (view or {}).get("blocks", []) for one in elements(block)]


def _texts(part: Any) -> list[str]:
    if isinstance(part, list):
        return [text for one in part for text in _texts(one)]
    if not isinstance(part, dict):
        return []
    own = [part["text"]] if isinstance(part.get("text"), str) else []
    return (
        own
        + [text for name, one in part.items() if name != "text" for text in _texts(one)]
        + (_texts(part["text"]) if isinstance(part.get("text"), dict) else [])
    )


def as_text(exchange: Exchange) -> str:
    """The view as JSON text."""
    return json.dumps(exchange.payloads)
