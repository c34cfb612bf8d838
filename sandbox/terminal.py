"""Draws messages, modals and rich text as plain text for the terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.slack.directory import Directory

Json = Mapping[str, Any]


def draw_rich(block: Json) -> str:
    """Render a rich_text block. Code is between backticks; a link's URL follows its text."""
    return "\n".join(line for part in block["elements"] for line in _part(part))


def _part(part: Json) -> Iterator[str]:
    if part["type"] == "rich_text_list":
        yield from _items(part)
        return
    before = {"rich_text_preformatted": "┃ ", "rich_text_quote": "> "}.get(part["type"], "")
    for line in _words(part).split("\n"):
        yield before + line


def _items(part: Json) -> Iterator[str]:
    first = part.get("offset", 0) + 1
    for number, item in enumerate(part["elements"], first):
        sign = f"{number}." if part["style"] == "ordered" else "•"
        yield f"{'   ' * part.get('indent', 0)}{sign} {_words(item)}"


def _words(part: Json) -> str:
    return "".join(_leaf(leaf) for leaf in part["elements"])


def _leaf(leaf: Json) -> str:
    if leaf["type"] == "text":
        return str(leaf["text"])
    if leaf["type"] == "link":
        text = leaf.get("text", leaf["url"])
        return text if text == leaf["url"] else f"{text} <{leaf['url']}>"
    raise ValueError(f"cannot draw a leaf of type {leaf['type']}")


_WIDTH = 20


def draw_input(block: Json) -> str:
    """Render the label, the initial value and the hint."""
    element = block["element"]
    options = element.get("options", ())
    lines = [f"{block['label']['text']}: [{_begins_with(element):<{_WIDTH}}]"]
    if element["type"] == "checkboxes":
        ticked = element.get("initial_options", ())
        boxes = (f"    [{'x' if one in ticked else ' '}] {_input_words(one)}" for one in options)
        lines = [f"{block['label']['text']}:", *boxes]
    elif options:
        lines.append(f"    of {', '.join(map(_input_words, options))}")
    if "hint" in block:
        lines.append(f"    {block['hint']['text']}")
    return "\n".join(lines)


def _begins_with(element: Json) -> str:
    several = element.get("initial_options", ())
    one = [element["initial_option"]] if "initial_option" in element else []
    if chosen := [*one, *several]:
        return ", ".join(map(_input_words, chosen))
    names = ("initial_value", "initial_date", "initial_time", "initial_conversation")
    return next((str(element[name]) for name in names if element.get(name)), "")


def _input_words(option: Json) -> str:
    below = f" – {option['description']['text']}" if "description" in option else ""
    return f"{option['text']['text']}{below}"


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
    ":loudspeaker:": "📢",
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
    ":bulb:": "💡",
}
_DATE = re.compile(r"<!date\^[^|>]*\|([^>]*)>")
_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_MENTION = re.compile(r"<[@#](\w+)>")
_NAMES = {user.id: f"@{user.real_name}" for user in Directory().users.values()} | {
    channel.id: f"#{channel.name}" for channel in Directory().channels.values()
}
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")
_EMOJI = re.compile(r":[a-z_]+:")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")


def draw_message(message: Json) -> str:
    """Render a message: its blocks, or its text if it has none."""
    blocks = message.get("blocks") or []
    if not blocks:
        return words(str(message.get("text", "")))
    return "\n".join(_lines(blocks))


def draw_view(view: Json, errors: Mapping[str, str]) -> str:
    """Render a modal in a frame; `errors` are shown below their inputs, by block_id."""
    lines = [line for block in view["blocks"] for line in _with_error(block, errors)]
    ends = [f"[{view[name]['text']}]" for name in ("submit", "close") if view.get(name)]
    body = "\n".join(f"│ {line}" for part in [*lines, " ".join(ends)] for line in part.split("\n"))
    return f"┌─ {view['title']['text']}\n{body}\n└─"


def words(mrkdwn: str) -> str:
    """Render mrkdwn as text for a terminal. Dates use their fallback, and code stays as it is."""
    text = mrkdwn.replace("\0", "")
    codes = iter(_CODE.findall(text))
    text = _CODE.sub("\0", text)
    text = _BOLD.sub(r"\1", _DATE.sub(r"\1", text))
    text = _LINK.sub(r"\2 (\1)", text)
    text = _MENTION.sub(lambda found: _NAMES.get(found[1], found[0]), text)
    text = _EMOJI.sub(lambda found: EMOJIS.get(found[0], found[0]), text)
    return html.unescape(re.sub("\0", lambda _: next(codes), text))


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
    if element["type"] == "overflow":
        return f"[ ⋯ {' | '.join(option['text']['text'] for option in element['options'])} ]"
    if element["type"] != "button":
        raise ValueError(f"cannot draw an element of type {element['type']}")
    return f"[ {element['text']['text']} ]"


def _chart(block: Json) -> str:
    """Render the values of each series, or the segments of a pie."""
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
