"""Rendered text becomes a payload in which outside text is plain."""

from __future__ import annotations

import pytest

from bot.rendering.parse import TRUSTED, InvalidPayload, parse_payload
from tests.rendering.hostile import said


def test_mrkdwn_that_is_not_ours_is_escaped() -> None:
    """A mrkdwn text written without the tag shows every letter of it."""
    payload = said(
        '{"text": {{ t }},'
        ' "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": {{ t }}}}]}',
        t="<!here>",
    )
    assert payload["text"] == payload["blocks"][0]["text"]["text"] == "&lt;!here&gt;"


@pytest.mark.parametrize("kind", ["mrkdwn", "markdown", "section", "something_new"])
def test_unknown_text_is_escaped(kind: str) -> None:
    """Text objects of an unknown type are treated as mrkdwn."""
    assert (
        said('{"x": {"type": {{ kind }}, "text": "<@U1>"}}', kind=kind)["x"]["text"]
        == "&lt;@U1&gt;"
    )


@pytest.mark.parametrize("kind", ["plain_text", "text", "link", "raw_text"])
def test_literal_text_is_left_alone(kind: str) -> None:
    """Text in types without mark-up is not escaped."""
    assert said('{"x": {"type": {{ kind }}, "text": "<&>"}}', kind=kind)["x"]["text"] == "<&>"


def test_only_text_is_escaped() -> None:
    """Values, addresses and ids are data: they come back from Slack as they were sent."""
    button = said('{"elements": [{"type": "button", "value": "<&>", "url": "https://x/?a&b"}]}')
    assert button == {"elements": [{"type": "button", "value": "<&>", "url": "https://x/?a&b"}]}


def test_no_links_or_pictures_by_themselves() -> None:
    """Mrkdwn is verbatim and plain text without emoji, unless the template says otherwise."""
    payload = parse_payload(
        '{"a": {"type": "mrkdwn", "text": ""}, "b": {"type": "plain_text", "text": ""},'
        ' "c": {"type": "plain_text", "text": "", "emoji": true},'
        ' "d": {"type": "mrkdwn", "text": "", "verbatim": false}}'
    )
    assert payload["a"]["verbatim"] is True
    assert payload["b"]["emoji"] is False
    assert payload["c"]["emoji"] is True
    assert payload["d"]["verbatim"] is False


@pytest.mark.parametrize("source", ['{"text": "x"}', '{"blocks": []}'])
def test_messages_show_no_previews(source: str) -> None:
    """Messages turn off link previews."""
    payload = parse_payload(source)
    assert payload["unfurl_links"] is payload["unfurl_media"] is False


@pytest.mark.parametrize("kind", ["modal", "home"])
def test_views_are_no_messages(kind: str) -> None:
    """Views and bare answers get no key that Slack does not know there."""
    assert parse_payload(f'{{"type": "{kind}", "blocks": []}}') == {"type": kind, "blocks": []}
    assert parse_payload('{"delete_original": true}') == {"delete_original": True}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('{"text": "a",}', "near"),
        ('{"text": "' + "a" * 100 + '" "oops"}', "oops"),
        ('{"a": 1, "b": 2, "a": 3}', "a occurs twice"),
        ("[]", "one JSON object"),
        ("", "near"),
        ('{"value": "' + TRUSTED + '*x*"}', r"only plain text is allowed: '\*x\*'"),
        ('{"x": ["' + TRUSTED + '*x*"]}', r"only plain text is allowed: '\*x\*'"),
        ('{"x": [["a", ["' + TRUSTED + '*x*"]]]}', r"only plain text is allowed: '\*x\*'"),
    ],
)
def test_an_invalid_payload_is_explained(source: str, problem: str) -> None:
    """Errors give the position of broken JSON, a repeated key, or misplaced mrkdwn."""
    with pytest.raises(InvalidPayload, match=problem):
        parse_payload(source)
