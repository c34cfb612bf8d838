"""The largest jobs that Emporix can send: shown without keeping others waiting."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest

from bot.domain.jobs import Job
from bot.emporix.models import parse_job
from bot.rendering.agent_message import (
    CARD_TEXT_LENGTH,
    MODAL_TEXT_LENGTH,
    agent_message_blocks,
    detect,
)
from bot.rendering.renderer import Renderer
from bot.services.jobs import JobCard

RENDERER = Renderer.default()
MOST_SECONDS = 0.2
"""Of CPU: Slack waits 3 s for everybody's acknowledgement meanwhile."""

JOB = {"id": "68835cc3ef4e8e1425c360ad", "status": "SUCCESS", "type": "AGENT_CHAT", "message": "hi"}
ENTITY = {"id": "a", "name": "n", "state": "FAILED", "details": [{"code": "X", "message": "m"}] * 3}

BIG: dict[str, dict[str, Any]] = {
    "a long unknown text": {"newField": "x " * 4_500_000},
    "control characters": {"newField": "\u0001" * 9_000_000},
    "many unknown fields": {f"k{number}": number for number in range(200_000)},
    "a long unknown list": {"newField": list(range(1_000_000))},
    "unknown lists of lists": {"newField": [[[list(range(20))] * 50] * 50] * 50},
    "Markdown": {"message": "# a\n\n* b **c** `d`\n" * 500_000},
    "JSON": {"message": json.dumps({"a": ["x\\u00fc"] * 900_000})},
    "JSON in JSON": {"message": json.dumps(json.dumps("a\\n" * 2_000_000))},
    "brackets": {"message": "[" * 5_000_000},
    "an import": {"importResult": {"message": "m", "summary": {"agents": [ENTITY] * 100_000}}},
    "long ids": {"agentId": "a\u202e" * 2_500_000, "sessionId": "s" * 4_000_000},
}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Templates and what Markdown needs are loaded once in a process."""
    RENDERER.render("jobs/get", card=card(parse_job(JOB | {"message": "* **a**"})))
    result = {"summary": {"agents": [ENTITY]}}
    RENDERER.render("jobs/get", card=card(parse_job(JOB | {"importResult": result})))


def card(job: Job) -> JobCard:
    return JobCard(job, "acme", True, "https://admin.emporix.io/x")


def shown(job: Job) -> tuple[float, Any]:
    """CPU seconds, and the message; the best of some runs is less of the machine's noise."""
    begin = process_time()
    message = RENDERER.render("jobs/get", card=card(job))
    return process_time() - begin, message


@pytest.mark.parametrize("name", BIG)
def test_shows_the_largest_job_in_no_time(name: str) -> None:
    """Whatever a job of 10 MB is made of, its card takes under 200 ms of CPU."""
    job = parse_job(JOB | BIG[name])
    seconds, message = min((shown(job) for _ in range(3)), key=lambda run: run[0])
    assert seconds < MOST_SECONDS
    assert len(json.dumps(message)) < 100_000


def test_counts_omitted_fields_and_entries() -> None:
    """A card says how many fields and entries it leaves out."""
    fields = RENDERER.render("jobs/get", card=card(parse_job(JOB | BIG["many unknown fields"])))
    assert "199,960 more fields left out." in json.dumps(fields)
    entries = RENDERER.render("jobs/get", card=card(parse_job(JOB | BIG["an import"])))
    assert "99,000 more entries left out." in json.dumps(entries)


def test_a_long_text_is_whole_elsewhere() -> None:
    """The card reads 50,000 characters; the length is that of the whole, which the file has."""
    text = "word " * 20_000
    begun = agent_message_blocks(text, 3_000, CARD_TEXT_LENGTH)
    assert (begun.length, begun.is_whole) == (len(text), False)
    assert agent_message_blocks(
        "x" * CARD_TEXT_LENGTH, MODAL_TEXT_LENGTH, CARD_TEXT_LENGTH
    ).is_whole
    assert not agent_message_blocks(
        "x" * CARD_TEXT_LENGTH + "y", MODAL_TEXT_LENGTH, CARD_TEXT_LENGTH
    ).is_whole
    assert detect(text).words == text.strip()
