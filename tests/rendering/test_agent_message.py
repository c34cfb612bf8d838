"""What agents write is taken out of its wrappings and told apart."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rendering.agent_message import (
    MODAL_TEXT_LENGTH,
    AgentMessage,
    agent_message_blocks,
    detect,
    excerpt,
    pretty_json,
    pretty_json_within,
)
from bot.rendering.rich_text import text_length
from bot.rendering.text import clean, one_line
from sandbox.slack.blockkit import problems
from tests.rendering.hostile import NOT_SENDABLE, hostile_text

ANSWER = {"orderId": "EON1031", "answer": 'Sent.\nIt arrives "tomorrow".'}
BARE = json.dumps(ANSWER)


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        f"  {BARE}\n",
        f"```json\n{BARE}\n```",
        f"```\n{json.dumps(ANSWER, indent=2)}\n```",
        json.dumps(BARE),
        json.dumps(json.dumps(BARE)),
        json.dumps(f"```json\n{BARE}\n```"),
        f"```json\\n{BARE}\\n```",
        json.dumps(json.dumps(ANSWER, indent=2))[1:-1],
    ],
    ids=[
        "bare",
        "spaced",
        "fenced",
        "fence",
        "twice",
        "thrice",
        "fence in",
        "fence out",
        "letters",
    ],
)
def test_json_is_found_in_every_wrapping(text: str) -> None:
    """JSON is detected however often it was encoded or fenced."""
    found = detect(text)
    assert found.kind == "json"
    assert json.loads(found.words, strict=False) == ANSWER


def test_line_ends_within_the_strings_of_json_are_taken() -> None:
    """JSON whose strings contain unescaped line breaks is still JSON."""
    assert detect('{"answer": "Dear Ada,\nsent."}').kind == "json"


@pytest.mark.parametrize(
    "text",
    ["# Title", "- one\n- two", "1. one", "> said", "a **b** c", "see [it](https://a.example)",
     "`code`", "a\n```\nb\n```", "|a|b|\n|-|-|\n|1|2|", "an *order* is late", "<https://a.example>"],
)  # fmt: skip
def test_markdown_is_known_by_its_signs(text: str) -> None:
    """One Markdown character sequence is enough to detect Markdown."""
    assert detect(text).kind == "markdown"


@pytest.mark.parametrize(
    "text",
    ["Sent.", "3 * 4 * 5", "snake_case_name", "", '"Sent" he said', "42", "null", "C:\\new\\table",
     '{"cut": "of', "#1 is late", "a - b"],
)  # fmt: skip
def test_plain_words_stay_as_they_are(text: str) -> None:
    """Text without Markdown is not changed."""
    assert (detect(text).kind, detect(text).words) == ("plain", text)


def test_escaped_line_breaks_are_decoded() -> None:
    """Escaped line breaks are decoded unless the text has real ones; paths are unchanged."""
    assert detect('Late.\\n\\n\\tSorry, \\"Ada\\".').words == 'Late.\n\n\tSorry, "Ada".'
    assert detect("Late.\nA literal \\n here.").words == "Late.\nA literal \\n here."


@given(hostile_text)
def test_decoded_text_is_cleaned(text: str) -> None:
    """Text that was decoded from JSON escapes is cleaned too."""
    for given_text in (text, json.dumps(text), json.dumps(json.dumps(text))):
        assert not NOT_SENDABLE.search(detect(given_text).words)


@given(st.text('[]{}"\\`n\n*_ |-', max_size=200))
def test_nothing_breaks_it(text: str) -> None:
    """Brackets that never close, and similar text, are plain text."""
    assert detect(text).kind in ("json", "markdown", "plain")


@pytest.mark.parametrize("piece", ["[", '{"a":', '"', "\\", "\\n", " ", "\n", "-", "`", "_a ", "*"])
def test_a_megabyte_is_read_at_once(piece: str) -> None:
    """A character repeated a million times is handled quickly."""
    started = time.process_time()
    detect("x" + piece * (1_000_000 // len(piece)))
    detect(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Order **EON1031** is *late*.\n\nSorry!", "Order EON1031 is late. Sorry!"),
        ("## Check\n\n| a | b |\n|---|---:|\n| 1 | 2 |", "Check a · b 1 · 2"),
        ("> said\n- one\n- two\n1. three", "said • one • two 1. three"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("see [the order](https://shop.example/1) `now`", "see the order now"),
        ("# Quiet One\n\n**Quiet One** is made", "Quiet One is made"),
        ("# Quiet One\n\nQuiet Ones are made", "Quiet One Quiet Ones are made"),
        ('```json\n{"a": 1.50,\n "b": []}\n```', "a: 1.50 · b: []"),
        (
            '{"error":"ToolFailed","tried":[1,2],"at":{"x":""}}',
            "error: ToolFailed · tried: 1, 2 · at: x:",
        ),
        (json.dumps(json.dumps({"a": "one\ntwo"})), "a: one two"),
        ("Late.\\n\\nReasons:\\n- strike", "Late. Reasons: • strike"),
        ("2 * 3 * 4 | snake_case", "2 * 3 * 4 | snake_case"),
        ("", ""),
    ],
)
def test_noise_goes(text: str, line: str) -> None:
    """Signs of Markdown and JSON, fences, rules of tables and repeated headings are left out."""
    assert excerpt(text, 220) == line


def test_a_shortened_excerpt_ends_with_an_ellipsis() -> None:
    """A shortened excerpt ends with an ellipsis, even if removed Markdown made it short."""
    assert excerpt("word " * 100, 20) == "word word word word…"
    assert excerpt("# a" + "\n----\n" * 1000, 220) == "a …"
    assert len(excerpt("x" * 100_000, 220)) == 220


@given(hostile_text, st.integers(10, 300))
def test_it_is_one_line_that_can_be_sent(text: str, limit: int) -> None:
    """An excerpt of any text is one line within the limit that can be sent to Slack."""
    line = excerpt(text, limit)
    assert len(line) <= limit
    assert "\n" not in line
    assert not NOT_SENDABLE.search(line)


@pytest.mark.parametrize(
    "piece", ["*", "**a", "|", "-", "`", "[a](", "> ", "# ", "# a\n", "\n\n# ", " ", "_", "\n-"]
)
def test_a_list_of_megabytes_is_quick(piece: str) -> None:
    """Excerpts of twelve long messages do not delay their list."""
    text = "**" + piece * (1_000_000 // len(piece))
    started = time.process_time()
    for _ in range(12):
        excerpt(text, 220)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("text", ["-" * 900 + "a", "\n" * 900 + "a"])
def test_a_hostile_line_is_read_once(text: str) -> None:
    """Lines that look like a rule or a fence up to their end take no time for each character."""
    started = time.process_time()
    for _ in range(50):
        excerpt(f"```\n\n--\n{text}", 220)
    assert time.process_time() - started < 0.1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(VALUES.filter(lambda value: isinstance(value, dict | list)), st.booleans())
def test_it_looks_as_the_library_writes_it(value: object, as_ascii: bool) -> None:
    """However it came, it is indented as `json.dumps` does it, and says the same."""
    shown = pretty_json(json.dumps(value, ensure_ascii=as_ascii), 10**6)
    assert json.loads(shown) == value
    if not as_ascii and "\\u" not in shown:
        assert shown == json.dumps(value, ensure_ascii=False, indent=2)


def test_numbers_order_and_repeated_keys_are_kept() -> None:
    """Indented JSON keeps trailing zeros, the order and repeated keys."""
    text = '{"price":19.90,"a":1,"a":2,"big":123456789012345678901234567890,"e":1E5}'
    shown = pretty_json(text, 1000)
    assert (
        shown.split()
        == text.replace(",", ", ").replace(":", ": ").replace("{", "{ ").replace("}", " }").split()
    )


def test_letters_are_shown_as_letters() -> None:
    """An escape such as `\\u00fc` is decoded, except for characters that cannot be shown."""
    assert pretty_json('["f\\u00fcr", "\\u202e", "\\u0000"]', 1000).split() == [
        "[", '"für",', '"\\u202e",', '"\\u0000"', "]"
    ]  # fmt: skip


def test_only_the_beginning_is_indented() -> None:
    """Only the beginning of long JSON is indented, and indentation has a maximum depth."""
    assert 100 < len(pretty_json("[" + "1," * 100_000 + "1]", 100)) < 120
    assert len(pretty_json("[" * 500 + "]" * 500, 10**6)) < 50_000


def test_json_that_would_become_too_long_is_unchanged() -> None:
    """JSON is not indented if that would make the file much larger."""
    text = "[" * 30 + "1,2" + "]" * 30
    assert pretty_json_within(text, 10_000) == pretty_json(text, 10_000)
    assert pretty_json_within(text, 1000) == text


MARKS = st.text('*_~`#>-|[]()!<&:1.\n \\"{}a', max_size=400)


def length(layout: AgentMessage) -> int:
    return sum(text_length(block) for block in layout.blocks)


def test_a_short_text_is_whole() -> None:
    """A short text is shown unchanged and complete."""
    layout = agent_message_blocks("Sent.", 3000)
    assert layout == AgentMessage(
        blocks=[
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "Sent."}]}
                ],
            }
        ],
        is_whole=True,
        length=5,
    )


def test_no_text_makes_no_blocks() -> None:
    """An empty text has no blocks, because Slack refuses empty ones."""
    assert (
        agent_message_blocks("", 3000)
        == agent_message_blocks(None, 3000)
        == AgentMessage([], True, 0)
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a" * 60 + "\n\n" + "b" * 60, 60),
        ("a" * 70 + "\n" + "b" * 60, 70),
        ("word " * 50, 99),
        ("x" * 200, 100),
    ],
    ids=["paragraph", "line", "word", "letter"],
)
def test_a_long_text_ends_where_it_may(text: str, kept: int) -> None:
    """After a paragraph, else a line, else a word; and it says how long the whole is."""
    layout = agent_message_blocks(text, 100)
    assert (layout.is_whole, layout.length, length(layout)) == (False, len(text), kept)


def test_json_is_code() -> None:
    """JSON is shown as code, so nothing in it is formatted."""
    (block,) = agent_message_blocks('{"a": "*b* <!channel>"}', 3000).blocks
    assert block["elements"][0]["type"] == "rich_text_preformatted"


@given(hostile_text | MARKS, st.sampled_from([50, 3000, MODAL_TEXT_LENGTH]))
def test_slack_accepts_every_layout(text: str, room: int) -> None:
    """Slack accepts each layout in messages and modals, and no text becomes much longer."""
    layout = agent_message_blocks(text, room)
    for surface in ("message", "modal"):
        assert problems(layout.blocks, surface) == []
    assert all(text_length(block) <= 3000 for block in layout.blocks)
    assert length(layout) <= 2 * room + 200


@given(MARKS)
def test_every_letter_is_shown(text: str) -> None:
    """Every word is shown; only Markdown characters may disappear."""
    layout = agent_message_blocks(text, 3000)
    if not text.lstrip().startswith(("{", "[", '"')):
        assert shown(layout).count("a") >= text.count("a") - text.count("`")


def shown(layout: AgentMessage) -> str:
    return repr(layout.blocks)


@pytest.mark.parametrize(
    "piece",
    ["[", "![", "[a](", "*a_ ", "**a** ", "`a``", ">", "- ", "  - a\n", "1. a\n", "|a|b|\n|-|-|\n",
     "a\n", "&amp;", "\\", '{"a":[', "[1,", "🙂", "<http:", "~~a", "```\n", "\u202e"],
)  # fmt: skip
def test_a_megabyte_is_laid_out_in_time(piece: str) -> None:
    """It is cut before it is read; a modal, of which there is more, takes a little longer."""
    text = "**a** " + piece * (1_000_000 // len(piece))
    started = time.process_time()
    assert not agent_message_blocks(text, 3000).is_whole or piece == "\u202e"
    assert time.process_time() - started < 1
    layout = agent_message_blocks(text, MODAL_TEXT_LENGTH)
    assert time.process_time() - started < 3
    assert len(layout.blocks) <= 95
    assert len(repr(layout.blocks).encode()) < 250_000


LABELS = st.text("abc XYZ", min_size=1, max_size=400).filter(str.strip)


@given(
    st.lists(
        st.one_of(
            st.integers(1, 700).map("word ".__mul__),
            LABELS.map(lambda label: f"[{label}](https://evil.example/login)"),
            st.integers(1, 120).map(lambda n: "*i* **b** " * n),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_link_and_its_host_are_never_separated(parts: list[str]) -> None:
    """Wherever a text is cut, each link is followed by its host."""
    for element in elements_of(agent_message_blocks(" ".join(parts), MODAL_TEXT_LENGTH)):
        leaves = element["elements"]
        for place, leaf in enumerate(leaves):
            if leaf["type"] == "link" and leaf["text"] != leaf["url"]:
                assert leaves[place + 1]["text"].startswith(" (evil.example)")


@pytest.mark.parametrize(("before", "block"), [(2900, 0), (2970, 1)])
def test_where_a_link_is_cut(before: int, block: int) -> None:
    """A link that fits only without its host moves to the next block."""
    text = ("word " * 700)[:before] + " [Log in to your bank](https://evil.example/login) and more."
    (section,) = agent_message_blocks(text + " tail" * 200, MODAL_TEXT_LENGTH).blocks[block][
        "elements"
    ]
    link, host = section["elements"][-2:] if block == 0 else section["elements"][:2]
    assert (link["type"], host["text"][:15]) == ("link", " (evil.example)")


def elements_of(layout: AgentMessage) -> Iterator[dict[str, Any]]:
    """All elements that contain leaves, including those in lists."""
    waiting = [element for block in layout.blocks for element in block["elements"]]
    while waiting:
        element = waiting.pop()
        if "elements" in element.get("elements", [{}])[0]:
            waiting += element["elements"]
        else:
            yield element


@given(VALUES.filter(lambda value: isinstance(value, dict | list)), st.booleans())
def test_an_excerpt_of_json_holds_its_values(value: object, as_ascii: bool) -> None:
    """An excerpt of any JSON holds its names and values in order, without their quotes."""
    line = excerpt(json.dumps(value, ensure_ascii=as_ascii), 10_000)
    at = 0
    for word in _names_and_values(value):
        shown = one_line(clean(word))
        at = line.find(shown, at)
        assert at >= 0
        at += len(shown)


def _names_and_values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _names_and_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names_and_values(inner)
    else:
        yield value if isinstance(value, str) else json.dumps(value)
