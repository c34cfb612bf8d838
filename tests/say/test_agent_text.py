"""What agents write is taken out of its wrappings and told apart."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.say.agent_text import read
from tests.say.hostile import NOT_SENDABLE, hostile_text

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
    """The same answer comes out, however often it was encoded."""
    found = read(text)
    assert found.kind == "json"
    assert json.loads(found.words, strict=False) == ANSWER


def test_line_ends_within_the_strings_of_json_are_taken() -> None:
    """Language models forget to encode them."""
    assert read('{"answer": "Dear Ada,\nsent."}').kind == "json"


@pytest.mark.parametrize(
    "text",
    ["# Title", "- one\n- two", "1. one", "> said", "a **b** c", "see [it](https://a.example)",
     "`code`", "a\n```\nb\n```", "|a|b|\n|-|-|\n|1|2|", "an *order* is late", "<https://a.example>"],
)  # fmt: skip
def test_markdown_is_known_by_its_signs(text: str) -> None:
    """One sign is enough."""
    assert read(text).kind == "markdown"


@pytest.mark.parametrize(
    "text",
    ["Sent.", "3 * 4 * 5", "snake_case_name", "", '"Sent" he said', "42", "null", "C:\\new\\table",
     '{"cut": "of', "#1 is late", "a - b"],
)  # fmt: skip
def test_plain_words_stay_as_they_are(text: str) -> None:
    """What has no signs is neither read nor changed."""
    assert (read(text).kind, read(text).words) == ("plain", text)


def test_line_ends_in_letters_become_line_ends() -> None:
    """Where a text has no real ones; a path of Windows is left alone."""
    assert read('Late.\\n\\n\\tSorry, \\"Ada\\".').words == 'Late.\n\n\tSorry, "Ada".'
    assert read("Late.\nA literal \\n here.").words == "Late.\nA literal \\n here."


@given(hostile_text)
def test_words_can_always_be_sent(text: str) -> None:
    """Also what comes out of JSON's own escapes is cleaned."""
    for given_text in (text, json.dumps(text), json.dumps(json.dumps(text))):
        assert not NOT_SENDABLE.search(read(given_text).words)


@given(st.text('[]{}"\\`n\n*_ |-', max_size=200))
def test_nothing_breaks_it(text: str) -> None:
    """Brackets that never close, and the like, are words."""
    assert read(text).kind in ("json", "markdown", "plain")


@pytest.mark.parametrize("piece", ["[", '{"a":', '"', "\\", "\\n", " ", "\n", "-", "`", "_a ", "*"])
def test_a_megabyte_is_read_at_once(piece: str) -> None:
    """No sign repeated a million times takes long."""
    started = time.process_time()
    read("x" + piece * (1_000_000 // len(piece)))
    read(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 2
