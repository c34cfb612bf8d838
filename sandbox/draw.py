"""Messages and modals as lines of text, for the terminal.

It draws what the templates of this project use; a block or element that it does not know is an
error, so that nothing goes unseen.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.draw_inputs import draw_input
from sandbox.draw_rich import draw_rich

Json = Mapping[str, Any]

EMOJIS = {
    ":handshake:": "🤝",
    ":octagonal_sign:": "🛑",
    ":construction:": "🚧",
    ":loud_sound:": "🔊",
    ":white_check_mark:": "✅",
    ":x:": "❌",
    ":hourglass_flowing_sand:": "⏳",
    ":hourglass:": "⌛",
    ":fast_forward:": "⏩",
    ":grey_question:": "❔",
    ":question:": "❓",
    ":warning:": "⚠️ ",
    ":electric_plug:": "🔌",
    ":lock:": "🔒",
    ":key:": "🔑",
    ":mag:": "🔍",
    ":snail:": "🐌",
    ":satellite_antenna:": "📡",
    ":information_source:": "ℹ️ ",
    ":wastebasket:": "🗑️ ",
    ":page_facing_up:": "📄",
    ":package:": "📦",
    ":large_yellow_circle:": "🟡",
    ":large_blue_circle:": "🔵",
    ":new:": "🆕",
    ":bell:": "🔔",
    ":no_bell:": "🔕",
    ":mute:": "🔇",
    ":eyes:": "👀",
    ":zzz:": "💤",
    ":repeat:": "🔁",
    ":rotating_light:": "🚨",
    ":double_vertical_bar:": "⏸️ ",
    ":no_entry_sign:": "🚫",
    ":no_entry:": "⛔",
    ":heavy_minus_sign:": "➖",
    ":speech_balloon:": "💬",
}
_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_EMOJI = re.compile(r":[a-z_]+:")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")


def draw_message(message: Json) -> str:
    """A message with its blocks, or its text where it has none."""
    blocks = message.get("blocks") or []
    if not blocks:
        return words(str(message.get("text", "")))
    return "\n".join(_lines(blocks))


def draw_view(view: Json, errors: Mapping[str, str]) -> str:
    """A modal in a frame; `errors` stand under their inputs, by block_id."""
    lines = [line for block in view["blocks"] for line in _with_error(block, errors)]
    ends = [f"[{view[name]['text']}]" for name in ("submit", "close") if view.get(name)]
    body = "\n".join(f"│ {line}" for part in [*lines, " ".join(ends)] for line in part.split("\n"))
    return f"┌─ {view['title']['text']}\n{body}\n└─"


def words(mrkdwn: str) -> str:
    """Mrkdwn as people read it in a terminal; dates by their fallback."""
    text = _BOLD.sub(r"\1", _DATE.sub(r"\1", mrkdwn))
    text = _LINK.sub(r"\2 (\1)", text)
    return html.unescape(_EMOJI.sub(lambda found: EMOJIS.get(found[0], found[0]), text))


def _lines(blocks: list[Json]) -> Iterator[str]:
    for block in blocks:
        yield _BLOCKS[block["type"]](block)


def _with_error(block: Json, errors: Mapping[str, str]) -> Iterator[str]:
    yield _BLOCKS[block["type"]](block)
    if problem := errors.get(str(block.get("block_id"))):
        yield f"    ⚠️  {problem}"


def _text(element: Json) -> str:
    shown = str(element["text"])
    return words(shown) if element["type"] == "mrkdwn" else shown


def _section(block: Json) -> str:
    parts = [_text(block["text"])] if "text" in block else []
    parts += [_text(field).replace("\n", ": ") for field in block.get("fields", [])]
    accessory = f"  {_element(block['accessory'])}" if "accessory" in block else ""
    return "\n".join(parts) + accessory


def _header(block: Json) -> str:
    return _text(block["text"])


def _context(block: Json) -> str:
    return "  ".join(_text(element) for element in block["elements"])


def _actions(block: Json) -> str:
    return "  ".join(_element(element) for element in block["elements"])


def _element(element: Json) -> str:
    if element["type"] == "static_select":
        chosen = element.get("initial_option") or {"text": element["placeholder"]}
        return f"[ {chosen['text']['text']} ▾ ]"
    if element["type"] != "button":
        raise ValueError(f"cannot draw an element of type {element['type']}")
    return f"[ {element['text']['text']} ]"


def _chart(block: Json) -> str:
    """The values of each series; a pie's are those of its segments."""
    chart = block["chart"]
    if chart["type"] == "pie":
        parts = [f"{one['label']}: {one['value']:,}" for one in chart["segments"]]
    else:
        values = (
            (one["name"], [point["value"] for point in one["data"]]) for one in chart["series"]
        )
        parts = [f"{name}: {', '.join(f'{value:,}' for value in row)}" for name, row in values]
    return "\n".join([f"📈 {block['title']}", *(f"   {part}" for part in parts)])


_BLOCKS: dict[str, Callable[[Json], str]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "input": draw_input,
    "rich_text": draw_rich,
    "data_visualization": _chart,
    "divider": lambda _: "─" * 40,
}
