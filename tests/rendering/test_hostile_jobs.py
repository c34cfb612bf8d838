"""Whatever stands in a job, its card, its row and its modals say it and do nothing else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.accounts import Caller
from bot.domain.alerts import Alert, AlertRow, MentionRule, MentionSettings, PostedAlert
from bot.domain.conditions import Watermark
from bot.domain.filters import Filters
from bot.domain.jobs import Job, LogLine, RequestLog, Session
from bot.emporix.models import parse_job
from bot.rendering.agent_message import MODAL_TEXT_LENGTH, agent_message_blocks
from bot.rendering.renderer import Renderer
from bot.services.alerts.mentions import parse_notify_form
from bot.services.exports import CompleteList, Export
from bot.services.jobs import JobCard, JobList
from bot.services.session_logs import job_log, log_page
from bot.services.similarity import group_failures
from bot.slack.posting.alerts import news_facts
from sandbox.slack.blockkit import problems, view_problems
from tests.rendering import slack_limits
from tests.rendering.hostile import NOT_SENDABLE, hostile_text

RENDERER = Renderer.default()
MARKS = ("# ", "\n- ", "\n1. ", "\n> ", "**", "~~", "```json\n", "`", "|a|b|\n|-|-|\n|", "](", "[x")
LINKS = (
    "[https://shop.example](https://evil.example/<!here>)",
    "![<!channel>](http://x.example)",
    "<https://evil.example|https://shop.example>",
    "[x](javascript:alert(1))",
    "[<@U1>](https://a@evil.example)",
)
JSON = ('{"a": "', '"}', "[", "]", "\\n", "\\u202e", '\\"', "{{ 7*7 }}")
NAMES = (
    "<!channel>",
    "<@U1>",
    "<#C1>",
    "<!subteam^S1>",
    "@here",
    ":smile:",
    "\u202e",
    "\ufdd0",
    "\x00",
    "\ud83d",
)
_pieces = st.sampled_from([*MARKS, *LINKS, *JSON, *NAMES, "word ", "\n", "\n\n", "  "])
agent_texts = st.one_of(
    hostile_text,
    st.lists(_pieces, max_size=30).map("".join),
    st.lists(_pieces, min_size=1, max_size=4).map(lambda pieces: "".join(pieces) * 900),
    st.lists(_pieces, max_size=5).map(lambda pieces: json.dumps(json.dumps("".join(pieces)))),
)
MENTIONS = {"user", "usergroup", "broadcast", "channel", "team"}
# What the templates write themselves.
OURS = re.compile(
    r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[\d: -]+UTC>|<https://admin[^<>]*>"
)


def job(text: str) -> Job:
    entity = {"id": text, "name": text, "state": text, "details": [{"message": text}] * 7}
    return parse_job(
        dict.fromkeys(
            ("id", "status", "type", "agentId", "agentType", "sessionId", "commerceEvent"), text
        )
        | {"message": text, "response": text + "*", "requestId": text, "extra": text}
        | {"importResult": {"message": text, "summary": {"agents": [entity] * 30}}}
        | {"exportResult": {"data": text, "checksum": text}}
        | {"metadata": {"createdAt": text, "modifiedAt": text, "version": text}}
    )


def listing_of(jobs: tuple[Job, ...]) -> JobList:
    """Its first page, of more."""
    return JobList(
        jobs=jobs,
        filters=Filters(),
        tenant="acme",
        cursor="c",
        page=1,
        before=0,
        total=None,
        has_more=True,
        can_delete=True,
        query="",
        may_shift=False,
        is_only_tenant=False,
        zone="Europe/Berlin",
    )


def payloads(text: str) -> Iterator[dict[str, Any]]:
    """Every message and modal that shows a job."""
    shown = job(text)
    card = JobCard(shown, "acme", True, "https://admin.emporix.io/x")
    yield RENDERER.render("jobs/get", card=card)
    short = JobCard(job(text[:90]), "acme", True, "https://admin.emporix.io/x")
    yield RENDERER.render("jobs/delete", card=short)
    listing = listing_of((shown,) * 12)
    yield RENDERER.render("jobs/list", listing=listing)
    layout = agent_message_blocks(text, MODAL_TEXT_LENGTH)
    yield RENDERER.render("jobs/get.whole", layout=layout, job_id=text, part="message")
    yield RENDERER.render("jobs/get.whole.file", length=1, url=text, job_id=text, part="message")
    line = LogLine(text, text, text, text, text, False)
    session = Session(text, text, (text,) * 9, (line,) * 50, 1)
    yield RENDERER.render("jobs/log", log=log_page(session, "acme", text, 1), zone="")
    log = RENDERER.render("jobs/get.log", log=job_log(RequestLog((line,) * 50)), job=shown)
    yield {"text": "The log", **log}
    (group,) = group_failures([replace(shown, error_line=text)])
    groups = (group, replace(group, count=2))
    facts = {"tenant": "acme", "total": 3, "agents": (), "gone": 0, "more": 0, "kind": "failure"}
    yield RENDERER.render("alerts/thread", groups=groups, zone="", **facts)
    found = CompleteList((shown,), Filters(agent_names=(text,), words=(text,)), text, 1, True, 0)
    yield RENDERER.render("jobs/csv", found=found, count=1, url=text)
    yield RENDERER.render("jobs/export", export=Export(text, text, 1, text, text), url=text)


def parts(node: Any) -> Iterator[dict[str, Any]]:
    for inner in node.values() if isinstance(node, dict) else node:
        if isinstance(inner, dict | list):
            yield from parts(inner)
    if isinstance(node, dict):
        yield node


def check(payload: dict[str, Any]) -> None:
    """Slack accepts the message, no one is mentioned, and links show their hosts."""
    is_view = payload.get("type") == "modal"
    blocks = payload["blocks"]
    assert slack_limits.problems(payload) == []
    assert (view_problems(payload, "modal") if is_view else problems(blocks, "message")) == []
    assert not NOT_SENDABLE.search(json.dumps(payload, ensure_ascii=False))
    for part in parts(blocks):
        assert part.get("type") not in MENTIONS
        if part.get("type") == "link":
            assert re.match(r"https?://[a-z0-9.-]+([:/?#]|$)", part["url"])
        if part.get("type") == "mrkdwn":
            assert not re.search("(?i)<(?!https?://)", OURS.sub("", part["text"]))


@settings(max_examples=60)
@given(agent_texts)
def test_no_job_does_more_than_say(text: str) -> None:
    """In every place of every message, as Markdown, as JSON and as neither."""
    for payload in payloads(text):
        check(payload)


CONFIGURED = MentionSettings((MentionRule(user_id="U0ADA", group_id="S0OPS"),))


@settings(max_examples=60)
@given(agent_texts)
def test_only_the_settings_of_an_alert_mention(text: str) -> None:
    """With mentions configured, the mention's ids come from settings; the alert mentions nobody."""
    alert = Alert(
        "a1",
        Caller("T0ACME", "U0ADA"),
        "C0OPS",
        Filters(tenant="acme", words=(text,), agent_names=(text,)),
        0.0,
        Watermark(0.0),
        0.0,
        mentions=CONFIGURED,
    )
    row = AlertRow("j", "f", 1, 0.0, {text: 1})
    news = news_facts(alert, PostedAlert("1.0", 0.0, (row,)), {"j": job(text)}, "Europe/Berlin")
    check(RENDERER.render("alerts/news", **news))
    assume(not re.fullmatch(r"[UWS][A-Z0-9]{1,30}", text))
    mention: dict[str, Any] = RENDERER.render(
        "alerts/mention",
        tenant=text,
        user_ids=["U0ADA", text],
        group_ids=["S0OPS", text],
        gone_user_ids=["U0GRACE", text],
        gone_group_ids=["S0DEV", text],
        agents=[text] * 3,
        since=0,
    )
    assert slack_limits.problems(mention) == []
    for words in (mention["text"], mention["blocks"][0]["text"]["text"]):
        tokens = re.findall(r"<[^>]*>", words)
        assert [one for one in tokens if one.startswith(("<@", "<!"))] == [
            "<@U0ADA>",
            "<!subteam^S0OPS>",
            "<@U0GRACE>",
            "<!subteam^S0DEV>",
        ]


@settings(max_examples=100)
@given(hostile_text, hostile_text)
def test_the_form_for_mentions_accepts_only_ids(user_id: str, group_id: str) -> None:
    """A text that is no id of a person, or of a user group of the workspace, is refused."""
    assume(not re.fullmatch(r"[UW][A-Z0-9]{1,30}", user_id))
    values = dict.fromkeys(("agent", "remind", "begin", "end", "zone"), "")
    values |= {"person": user_id, "group": group_id}
    form, _, problems = parse_notify_form(values, "", "", CONFIGURED, {"S0OPS": "@ops"})
    assert (form.user_id, form.group_id) == ("", "")
    assert problems.keys() == {name for name in ("person", "group") if values[name]}


@pytest.mark.parametrize(
    "text",
    [*LINKS, "> " * 500 + "x", "- " * 500 + "x", "[" * 10**5 + "]" * 10**5, '{"a":' * 500 + "1"],
    ids=lambda text: text[:12],
)
def test_known_tricks_fail(text: str) -> None:
    """Disguised links and endless nesting are shown as text."""
    for payload in payloads(text):
        check(payload)


@pytest.mark.parametrize(
    "piece",
    ['"', "`", "<!channel>", "[", "**a** ", "- ", "|a|b|\n|-|-|\n", '{"a":', "\\n", "\u202e"],
)
def test_a_card_of_a_megabyte_takes_less_than_a_second(piece: str) -> None:
    """A job with two such texts is rendered within a second."""
    text = "*" + piece * (1_000_000 // len(piece))
    card = JobCard(Job(id="1", message=text, response=text), "acme", True, "https://admin.emporix")
    started = time.process_time()
    payload = RENDERER.render("jobs/get", card=card)
    assert time.process_time() - started < 1
    check(payload)


def test_a_link_never_hides_its_host() -> None:
    """The text of each link is its address, or its host follows."""
    card = JobCard(Job(id="1", message=LINKS[0]), "acme", True, "https://admin.emporix.io/x")
    blocks = RENDERER.render("jobs/get", card=card)["blocks"]
    (link,) = [part for part in parts(blocks) if part.get("type") == "link"]
    assert link["text"] == link["url"]
    assert link["url"].startswith("https://evil.example/")


def test_a_job_with_a_long_id_has_no_buttons() -> None:
    """The card and the row show the job, without the buttons that need the id."""
    shown = Job(id="x" * 2_001, message="long " * 10_000)
    card = JobCard(shown, "acme", True, "https://admin.emporix.io/x")
    listing = listing_of((shown,))
    for payload in (
        RENDERER.render("jobs/get", card=card),
        RENDERER.render("jobs/list", listing=listing),
    ):
        buttons = [part for part in parts(payload["blocks"]) if part.get("type") == "button"]
        assert {button["text"]["text"] for button in buttons} <= {
            "Next",
            "Refresh",
            "Filter",
            "Share in channel",
            "Download as CSV",
            "Open in Emporix ↗",
        }
