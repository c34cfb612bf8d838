"""Slack's limits, written down independently of the code that enforces them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Node = dict[str, Any]


def problems(payload: Node) -> list[str]:
    """Everything that Slack would refuse; empty for what it takes."""
    return list(_view(payload) if payload.get("type") in ("modal", "home") else _message(payload))


def all_texts(node: Any) -> Iterator[str]:
    """Each string under a key `text`, at any depth."""
    if isinstance(node, list):
        for item in node:
            yield from all_texts(item)
    if isinstance(node, dict):
        for key, item in node.items():
            if key == "text" and isinstance(item, str):
                yield item
            yield from all_texts(item)


def _message(message: Node) -> Iterator[str]:
    if "blocks" not in message or "text" in message:
        yield from _length(message["text"].strip(), 3000, "text")
        yield from _length(message["text"], 3000, "text")
    if "blocks" in message:
        yield from _number(message["blocks"], 50, "blocks")
        yield from _blocks(message["blocks"])
        if sum(map(len, all_texts(message["blocks"]))) > 12_000:
            yield "msg_blocks_too_long"


def _view(view: Node) -> Iterator[str]:
    for key in view.keys() & {"title", "submit", "close"}:
        yield from _text(view[key], 24, key)
    yield from _length(view.get("private_metadata", ""), 3000, "private_metadata", least=0)
    yield from _number(view["blocks"], 100, "blocks")
    yield from _blocks(view["blocks"])


def _blocks(blocks: list[Node]) -> Iterator[str]:
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids):
        yield "duplicate block_id"
    for block_id in ids:
        yield from _length(block_id, 255, "block_id")
    for block in blocks:
        yield from _block(block)


def _block(block: Node) -> Iterator[str]:
    if block["type"] in _BLOCKS:
        yield from _BLOCKS[block["type"]](block)


def _context(block: Node) -> Iterator[str]:
    yield from _number(block["elements"], 10, "context")
    for element in block["elements"]:
        is_image = element["type"] == "image"
        yield from _element(element) if is_image else _text(element, 3000, "context")


def _image(block: Node) -> Iterator[str]:
    yield from _element({key: block[key] for key in ("type", "image_url", "alt_text")})
    yield from _text(block["title"], 2000, "title") if "title" in block else ()


def _input(block: Node) -> Iterator[str]:
    yield from _text(block["label"], 2000, "label")
    yield from _text(block["hint"], 2000, "hint") if "hint" in block else ()
    yield from _element(block["element"])


def _section(block: Node) -> Iterator[str]:
    if not block.keys() & {"text", "fields"}:
        yield "empty section"
    if "text" in block:
        yield from _text(block["text"], 3000, "section")
    if "fields" in block:
        yield from _number(block["fields"], 10, "fields")
        for field in block["fields"]:
            yield from _text(field, 2000, "field")
    if "accessory" in block:
        yield from _element(block["accessory"])


def _actions(elements: list[Node]) -> Iterator[str]:
    yield from _number(elements, 25, "actions")
    ids = [element["action_id"] for element in elements if "action_id" in element]
    if len(set(ids)) < len(ids):
        yield "duplicate action_id"
    for element in elements:
        yield from _element(element)


def _rich(node: Node) -> Iterator[str]:
    if "elements" in node:
        yield from _number(node["elements"], 10**6, "rich")
        for element in node["elements"]:
            yield from _rich(element)
    if "text" in node and not node["text"]:
        yield "empty rich text"


_STRINGS = {"action_id": 255, "value": 2000, "url": 3000, "image_url": 3000, "alt_text": 2000}
_STRINGS |= {"accessibility_label": 75, "initial_value": 3000}


def _element(element: Node) -> Iterator[str]:
    for key in element.keys() & _STRINGS.keys():
        yield from _length(element[key], _STRINGS[key], key)
    yield from _text(element["text"], 75, "button") if "text" in element else ()
    yield from _text(element["placeholder"], 150, "placeholder") if "placeholder" in element else ()
    yield from _confirm(element["confirm"]) if "confirm" in element else ()
    if "options" in element:
        most = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}.get(element["type"], 100)
        yield from _options(element["options"], most)
        if element.get("initial_option", element["options"][0]) not in element["options"]:
            yield "initial_option is no option"


def _confirm(confirm: Node) -> Iterator[str]:
    for key, limit in {"title": 100, "text": 300, "confirm": 30, "deny": 30}.items():
        yield from _text(confirm[key], limit, f"confirm {key}")


def _options(options: list[Node], most: int) -> Iterator[str]:
    yield from _number(options, most, "options")
    for option in options:
        yield from _text(option["text"], 75, "option")
        yield from _length(option["value"], 150, "option value")
        if "description" in option:
            yield from _text(option["description"], 75, "description")


def _text(node: Node, limit: int, what: str) -> Iterator[str]:
    yield from _length(node["text"].strip(), limit, what)
    yield from _length(node["text"], limit, what)


def _length(text: str, limit: int, what: str, least: int = 1) -> Iterator[str]:
    if not least <= len(text) <= limit:
        yield f"{what}: {len(text)} characters"


def _number(parts: list[Any], limit: int, what: str) -> Iterator[str]:
    if not 1 <= len(parts) <= limit:
        yield f"{what}: {len(parts)} parts"


_BLOCKS: dict[str, Callable[[Node], Iterator[str]]] = {
    "section": _section,
    "header": lambda block: _text(block["text"], 150, "header"),
    "context": _context,
    "actions": lambda block: _actions(block["elements"]),
    "image": _image,
    "input": _input,
    "rich_text": _rich,
    "markdown": lambda block: _length(block["text"], 12_000, "markdown"),
}
