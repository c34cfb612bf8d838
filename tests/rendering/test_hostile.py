"""Whatever Emporix or a user sends, messages say what we wrote, and in good time."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from bot.rendering.renderer import Renderer
from tests.rendering.hostile import NOT_SENDABLE, hostile_text
from tests.rendering.slack_limits import problems

EVERY_SLOT = """
{% from "parts/words.json.j2" import who %}
{"text": {% mrkdwn %}Job {{ text }}{% endmrkdwn %},
 "blocks": [
  {"type": "header",
   "text": {"type": "plain_text", "text": {% plain %}Job {{ text }}{% endplain %}}},
  {"type": "section", "text": {"type": "mrkdwn", "text": {{ text }}}},
  {"type": "section", "text": {"type": "mrkdwn", "text": {% mrkdwn %}
     *Agent* {{ who(text) }} {{ text|code }} {{ text|date }} {{ text|shorten(20) }}
     {{ newline }} {{ text|one_line }} {{ ("https://a.example/" ~ text)|link(text) }}
     {{ text|link("words") }} {{ text ~ "<!here>" }} {{ text|upper }} {{ [text]|join }}
   {% endmrkdwn %}},
   "accessory": {"type": "button", "value": {{ text }},
     "text": {"type": "plain_text", "text": {{ text }}},
     "confirm": {
       "title": {"type": "plain_text", "text": "Sure?"},
       "text": {"type": "mrkdwn", "text": {% mrkdwn %}Delete {{ text }}{% endmrkdwn %}},
       "confirm": {"type": "plain_text", "text": "Delete"},
       "deny": {"type": "plain_text", "text": "Keep"}}}},
  {"type": "section", "fields": [{"type": "mrkdwn", "text": {{ text }}},
     {"type": "mrkdwn", "text": {{ text|date }}}, {"type": "mrkdwn", "text": {{ who(text) }}}]},
  {"type": "context", "elements": [{"type": "mrkdwn", "text": {{ who(text) }}}]},
  {"type": "rich_text", "elements": [{"type": "rich_text_preformatted",
     "elements": [{"type": "text", "text": {{ text }}}]}]},
  {"type": "markdown", "text": {{ text }}}
 ]}
"""
BARE = '{"text": {{ text }}}'
WORDS = """
{% macro who(name) %}{% mrkdwn %}_{{ name }}_{% endmrkdwn %}{% endmacro %}
"""
LIST = """
{% from "parts/words.json.j2" import who %}
{"text": {{ total|plural("job") }},
 "blocks": [
  {"type": "header", "text": {"type": "plain_text", "text": {{ total|plural("job") }}}}
  {% for job in jobs %},
  {"type": "section", "text": {"type": "mrkdwn", "text": {% mrkdwn %}
     {{ who(job.agent) }} {{ job.created|date }} {{ newline }} {{ job.message|shorten(200) }}
   {% endmrkdwn %}}},
  {"type": "actions", "elements": [
     {"type": "button", "action_id": "open", "text": {"type": "plain_text", "text": "Open"}},
     {"type": "button", "action_id": "delete", "text": {"type": "plain_text", "text": "Delete"}}]},
  {"type": "divider"}
  {% endfor %}
 ]}
"""

OUR_LINK = re.compile(r"<https://a\.example/[^\s<>|]*(\|[^<>]*)?>")
OTHER_LINK = re.compile(r"<https?://[^\s<>|]+\|words>", re.IGNORECASE)
OUR_DATE = re.compile(r"<!date\^\d+\^((?:[a-z]+ )*)\{date_short_pretty\} \{time\}\|\1[\d: -]+UTC>")


@dataclass(frozen=True, slots=True)
class Job:
    agent: str
    created: str
    message: str


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "parts").mkdir()
    sources = {"slots": EVERY_SLOT, "bare": BARE, "list": LIST, "parts/words": WORDS}
    for name, source in sources.items():
        (folder / f"{name}.json.j2").write_text(source, encoding="utf-8")
    return Renderer(Path(folder))


def marked_up(node: Any, kind: str = "") -> Iterator[str]:
    """Every text in which Slack looks for mark-up."""
    if isinstance(node, list):
        for item in node:
            yield from marked_up(item)
    if isinstance(node, dict):
        kind = node.get("type", "mrkdwn")
        if kind in ("mrkdwn", "markdown") and isinstance(node.get("text"), str):
            yield node["text"]
        for item in node.values():
            yield from marked_up(item)


@settings(max_examples=100)
@given(text=hostile_text)
def test_no_text_breaks_a_message(renderer: Renderer, text: str) -> None:
    """In every place of a message outside text is letters: no mention, no link, no broken limit."""
    for name in ("slots", "bare"):
        payload = renderer.render(name, text=text)
        assert problems(payload) == []
        sent = json.dumps(payload, ensure_ascii=False)
        assert not NOT_SENDABLE.search(sent.encode().decode())
        for words in marked_up(payload):
            assert "<" not in OUR_DATE.sub("", OTHER_LINK.sub("", OUR_LINK.sub("", words)))


@pytest.mark.parametrize("piece", ['"', "`", "<!channel>", "\x00", "\ud83d", "\n"])
def test_a_megabyte_is_only_long(renderer: Renderer, piece: str) -> None:
    """A text of a million characters is rendered quickly."""
    started = time.process_time()
    payload = renderer.render("slots", text=piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 5
    assert problems(payload) == []


def test_a_list_of_jobs_is_quick(renderer: Renderer) -> None:
    """Ten jobs with long messages are rendered and checked in less than 10 ms."""
    jobs = [Job("complaint-agent", "2025-07-25T10:30:27.167Z", "Dear <you> & " * 2000)] * 10

    def seconds() -> float:
        started = time.process_time()
        renderer.render("list", jobs=jobs, total=1204)
        return time.process_time() - started

    assert min(seconds() for _ in range(20)) < 0.010
