"""A signed body is read as Slack means it, or refused."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.body import parse

sendable = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(sendable)
def test_reads_whatever_is_typed(text: str) -> None:
    """A command says what it says, the word "payload" included."""
    for typed in (text, f"payload {text}", f"{{payload={text}}}"):
        assert parse(urlencode({"command": "/emporix", "text": typed}))["text"] == typed


@given(st.dictionaries(sendable, sendable, max_size=3))
def test_reads_json_and_payloads(fields: dict[str, str]) -> None:
    """Clicks come as JSON in a form, events as JSON alone."""
    assert parse(json.dumps(fields)) == fields
    assert parse(urlencode({"payload": json.dumps(fields)})) == fields


@pytest.mark.parametrize("body", ["{", "payload=", "payload=1", "payload=[]", "{" * 100_000])
def test_refuses_what_has_no_fields(body: str) -> None:
    """One kind of error for whatever cannot be read."""
    with pytest.raises(ValueError, match=r".+"):
        parse(body)


def test_refuses_what_is_nested_too_deeply() -> None:
    """Python's own limit becomes the same error."""
    with pytest.raises(ValueError, match="deeply"):
        parse('{"a":' * 100_000)
