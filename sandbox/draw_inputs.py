"""The fields of a form as lines of text: what stands in them, and what can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

_WIDTH = 20


def draw_input(block: Json) -> str:
    """The label, what the field begins with, and the hint below it."""
    element = block["element"]
    options = element.get("options", ())
    lines = [f"{block['label']['text']}: [{_begins_with(element):<{_WIDTH}}]"]
    if element["type"] == "checkboxes":
        lines = [f"{block['label']['text']}:", *(f"    [ ] {_words(option)}" for option in options)]
    elif options:
        lines.append(f"    of {', '.join(map(_words, options))}")
    if "hint" in block:
        lines.append(f"    {block['hint']['text']}")
    return "\n".join(lines)


def _begins_with(element: Json) -> str:
    several = element.get("initial_options", ())
    one = [element["initial_option"]] if "initial_option" in element else []
    if chosen := [*one, *several]:
        return ", ".join(map(_words, chosen))
    return str(element.get("initial_value") or element.get("initial_date") or "")


def _words(option: Json) -> str:
    below = f" – {option['description']['text']}" if "description" in option else ""
    return f"{option['text']['text']}{below}"
