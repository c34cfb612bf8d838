"""Valid sample blocks and views."""

from __future__ import annotations

from typing import Any

Block = dict[str, Any]


def plain(text: str = "Open") -> Block:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "*Agent*") -> Block:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "*Agent*", **more: Any) -> Block:
    return {"type": "section", "text": mrkdwn(text), **more}


def actions(*elements: Block, **more: Any) -> Block:
    return {"type": "actions", "elements": list(elements), **more}


def button(label: str = "Open", action_id: str = "jobs.open", **more: Any) -> Block:
    return {"type": "button", "text": plain(label), "action_id": action_id, **more}


def option(text: str = "Failed", value: str = "failure", **more: Any) -> Block:
    return {"text": plain(text), "value": value, **more}


def confirm(**more: Any) -> Block:
    asked = {"title": plain("Sure?"), "text": plain("It cannot be undone."), "deny": plain("No")}
    return {**asked, "confirm": plain("Yes"), **more}


def element(kind: str, **more: Any) -> Block:
    return {"type": kind, "action_id": kind, **more}


def text_input(label: str = "Tenant", **more: Any) -> Block:
    given = {"type": "plain_text_input", "action_id": "typed", **more.pop("element", {})}
    return {"type": "input", "label": plain(label), "element": given, **more}


def rich(*leaves: Block) -> Block:
    parts = [{"type": "rich_text_section", "elements": list(leaves)}]
    return {"type": "rich_text", "elements": parts}


def table(*rows: list[Block]) -> Block:
    return {"type": "table", "rows": list(rows)}


def cell(text: str = "57") -> Block:
    return {"type": "raw_text", "text": text}


def chart(*names: str, labels: tuple[str, ...] = ("Mon", "Tue"), **more: Any) -> Block:
    """A line chart with one series for each name."""
    data = [{"label": label, "value": place} for place, label in enumerate(labels)]
    series = [{"name": name, "data": data} for name in names or ("Failed",)]
    axes = {"categories": list(labels), **more.pop("axes", {})}
    drawn = {"type": "line", "series": series, "axis_config": axes, **more.pop("chart", {})}
    return {"type": "data_visualization", "title": "Jobs", "chart": drawn, **more}


def pie(*values: float) -> Block:
    segments = [{"label": str(place), "value": value} for place, value in enumerate(values)]
    return chart(chart={}) | {"chart": {"type": "pie", "segments": segments}}


def modal(*blocks: Block, **more: Any) -> Block:
    begun = {"type": "modal", "title": plain("Connect"), "blocks": list(blocks)}
    has_input = any(block["type"] == "input" for block in blocks)
    return begun | ({"submit": plain("Save")} if has_input else {}) | more
