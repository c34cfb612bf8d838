"""Parsing Emporix's JSON: jobs, agents, sessions, imports and exports."""

from __future__ import annotations

import json
import unicodedata
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import (
    ExportResult,
    ImportedEntity,
    ImportResult,
    Job,
    JobPage,
    LogLine,
    Reason,
    RequestLog,
)
from bot.emporix.models import (
    LIST_FIELDS,
    MAX_MESSAGE_LENGTH,
    as_text,
    decode_json,
    one_line,
    parse_agent,
    parse_job,
    parse_job_page,
    parse_request_log,
    parse_session,
    shortened,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_decode_json(value: object) -> None:
    """JSON is decoded unchanged, whether escaped or not."""
    assert decode_json(json.dumps(value).encode()) == value
    assert decode_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("body", [b"", b"<html>", b'[{"id": "1"', b"[" * 100_000])
def test_decode_invalid_json(body: bytes) -> None:
    """HTML, empty, truncated and endlessly nested bodies raise ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError is the promise
        decode_json(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'"a\xff"', "a\ufffd"), (rb'"a\ud800b"', "a?b"), (b'\xef\xbb\xbf"a"', "a")],
)
def test_decode_broken_characters(body: bytes, expected: str) -> None:
    """A broken character does not lose the rest, and the result can be encoded as UTF-8."""
    assert decode_json(body) == expected


def test_decode_emoji() -> None:
    """Characters written as surrogate pairs are preserved."""
    assert decode_json(rb'"\ud83d\ude00 \u00e9"') == "\U0001f600 é"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("é", "é"), (None, ""), (7, "7"), (True, "true"), ({"a": ["é"]}, '{"a": ["é"]}')],
)
def test_text(value: object, expected: str) -> None:
    """Every JSON value has a text, and a string is its own text."""
    assert as_text(value) == expected


@given(st.text() | st.integers() | st.none())
def test_clean(value: object) -> None:
    """A cleaned message is short, on one line, and without invisible characters."""
    cleaned = one_line(value)
    assert len(cleaned) <= MAX_MESSAGE_LENGTH
    assert all(unicodedata.category(letter)[0] != "C" for letter in cleaned)
    assert cleaned == cleaned.strip()


def test_clean_long() -> None:
    """A message that is cut ends with "…"."""
    assert one_line("ab" * 500) == ("ab" * 500)[: MAX_MESSAGE_LENGTH - 1] + "…"


def test_numbers_of_many_digits_are_kept() -> None:
    """A number longer than Python parses is kept as its digits, and the rest is parsed as usual."""
    digits = "9" * 5_000
    body = f'[{{"id": "a", "n": {digits}, "m": 7}}, {{"id": "b"}}]'.encode()
    assert decode_json(body) == [{"id": "a", "n": digits, "m": 7}, {"id": "b"}]
    assert as_text(digits) == digits


@given(JSON)
def test_shortened_values_are_small_json(value: object) -> None:
    """A shortened value is small, valid JSON, and unchanged if it was small."""
    shown = shortened(value, 8)
    assert decode_json(json.dumps(shown).encode()) == shown
    assert shown == value or "…" in json.dumps(shown, ensure_ascii=False)


DOCUMENTED = {
    "id": "68835cc3ef4e8e1425c360ad",
    "status": "success",
    "sessionId": "123e4567",
    "agentType": "complaint",
    "type": "AGENT_CHAT",
    "agentId": "complaint-agent",
    "commerceEvent": "product.product-updated",
    "message": "Dear Customer",
    "response": "Done",
    "requestId": "req-1",
    "metadata": {
        "version": 1,
        "createdAt": "2025-07-25T10:30:27.167Z",
        "modifiedAt": "2025-07-25T10:31:14.509Z",
    },
}
KNOWN = [*DOCUMENTED, "exportResult", "importResult"]


def test_documented_job() -> None:
    """Every documented field of a job is parsed."""
    assert parse_job(DOCUMENTED) == Job(
        id="68835cc3ef4e8e1425c360ad",
        status="success",
        type="AGENT_CHAT",
        agent_id="complaint-agent",
        agent_type="complaint",
        session_id="123e4567",
        commerce_event="product.product-updated",
        message="Dear Customer",
        response="Done",
        request_id="req-1",
        created_at="2025-07-25T10:30:27.167Z",
        modified_at="2025-07-25T10:31:14.509Z",
        version="1",
    )


def test_spelling() -> None:
    """Status and type are normalized, whatever their case."""
    job = parse_job({"status": "FAILURE", "type": "agent_chat"})
    assert (job.status, job.type) == ("failure", "AGENT_CHAT")


def test_unknown_values() -> None:
    """Unknown statuses and fields are kept."""
    job = parse_job({"status": "paused", "cost": {"tokens": 7}})
    assert (job.status, job.extra) == ("paused", {"cost": {"tokens": 7}})


def test_results() -> None:
    """The results of imports and exports are parsed, with the reasons of failures."""
    job = parse_job(
        {
            "exportResult": {"data": "e30=", "checksum": "99914b93"},
            "importResult": {
                "message": "2 imported",
                "summary": {
                    "agents": [{"id": "a", "name": "A", "state": "ENABLED", "details": None}],
                    "mcpServers": [
                        {
                            "id": "m",
                            "state": "failed",
                            "details": [
                                {"code": "missing_token", "objectId": "o", "objectName": "Orders"},
                                {"message": "no"},
                                "why",
                                {},
                            ],
                        }
                    ],
                },
            },
        }
    )
    assert job.export_result == ExportResult("e30=", "99914b93")
    assert job.import_result == ImportResult(
        "2 imported",
        (
            ImportedEntity("agent", "a", "A", "ENABLED"),
            ImportedEntity(
                "MCP server",
                "m",
                "",
                "FAILED",
                (Reason("MISSING_TOKEN", about="Orders"), Reason(message="no"), Reason("", "why")),
            ),
        ),
    )


def test_results_of_another_shape() -> None:
    """A result that is not an object is kept as an unknown field."""
    job = parse_job({"exportResult": "later", "importResult": None, "metadata": 7})
    assert (job.export_result, job.import_result) == (None, None)
    assert job.extra == {"exportResult": "later", "metadata": 7}


@given(st.dictionaries(st.sampled_from(KNOWN) | st.text(), JSON))
def test_any_object_is_a_job(value: dict[str, object]) -> None:
    """Any field may be missing, null or of another type."""
    job = parse_job(value)
    assert all(isinstance(part, str) for part in (job.id, job.message, job.created_at))
    assert set(job.extra) <= set(value)


@pytest.mark.parametrize("value", [None, [], "job", 7])
def test_no_job(value: object) -> None:
    """Only an object can be a job or an agent."""
    with pytest.raises(ValueError, match="JSON object"):
        parse_job(value)
    with pytest.raises(ValueError, match="JSON object"):
        parse_agent(value)


def test_repr_of_a_job_has_no_message() -> None:
    """The representation of a job does not contain a customer's text."""
    shown = repr(parse_job(DOCUMENTED | {"secret": "s", "exportResult": {"data": "e30="}}))
    assert not any(text in shown for text in ("Dear Customer", "Done", "e30=", "secret"))


def test_list_fields() -> None:
    """A list requests all fields except the results, which can be huge."""
    assert set(LIST_FIELDS) == set(DOCUMENTED)


def page_of(*ids: str, number: int = 1, size: int = 2, total: int | None = None) -> JobPage:
    value = [{"id": id_, "agentId": str(place)} for place, id_ in enumerate(ids)]
    return parse_job_page(value, page=number, size=size, total=total)


def test_page_repeats() -> None:
    """An id that comes twice is shown once; jobs without an id are all kept."""
    page = page_of("a", "b", "a", "", "", size=5)
    assert [(job.id, job.agent_id) for job in page.jobs] == [
        ("a", "0"),
        ("b", "1"),
        ("", "3"),
        ("", "4"),
    ]


@pytest.mark.parametrize(
    ("ids", "number", "total", "more"),
    [
        ("ab", 1, 5, True),
        ("ab", 2, 4, False),
        ("a", 3, 5, False),
        ("ab", 1, None, True),
        ("aa", 1, None, True),
        ("a", 1, None, False),
        ("", 1, None, False),
    ],
)
def test_page_has_more(ids: str, number: int, total: int | None, more: bool) -> None:
    """The total says whether more follow; without one, a full page means that there may be more."""
    assert page_of(*ids, number=number, total=total).has_more is more


def test_page_of_another_shape() -> None:
    """Only an array of objects is a page."""
    with pytest.raises(ValueError, match="JSON array"):
        parse_job_page({"jobs": []}, page=1, size=1, total=None)
    with pytest.raises(ValueError, match="JSON array"):
        parse_job_page([None], page=1, size=1, total=None)


def test_one_null_hides_no_list(caplog: pytest.LogCaptureFixture) -> None:
    """Entries that are not jobs are left out and counted in the log."""
    page = parse_job_page([None, {"id": "a"}, 7, {"id": "b"}], page=1, size=4, total=None)
    assert [job.id for job in page.jobs] == ["a", "b"]
    assert page.has_more is True
    assert "2 of 4 entries of a response were ignored" in caplog.text


def test_a_page_is_cut_to_the_requested_size() -> None:
    """A million empty jobs cost no more memory than the requested page."""
    found: list[dict[str, str]] = [{} for _ in range(1_500_000)]
    begin = process_time()
    page = parse_job_page(found, page=1, size=50, total=None)
    assert process_time() - begin < 0.2
    assert (len(page.jobs), page.has_more) == (50, True)


def test_keeps_forty_unknown_fields() -> None:
    """Forty unknown fields are kept and others counted; long values are cut with "…"."""
    deep = {"list": list(range(1_000)), "text": "x" * 9_000, "deep": {"a": {"b": {"c": [1]}}}}
    job = parse_job({"id": "j", **deep, **{f"k{number}": 1 for number in range(100)}})
    assert (job.id, len(job.extra), job.left_out) == ("j", 40, 63)
    assert job.extra["list"] == [*range(20), "…"]
    assert job.extra["text"] == "x" * 1_000 + "…"
    assert job.extra["deep"] == {"a": {"b": {"c": "…"}}}


def test_keeps_a_thousand_entities_failures_first() -> None:
    """Of a large import failures are kept first, and left-out entities are counted."""
    agents = [{"id": str(n), "state": "FAILED" if n >= 2_995 else "ENABLED"} for n in range(3_000)]
    reasons = [{"code": f"R{n}"} for n in range(50)]
    result = {"summary": {"agents": agents, "tools": [{"state": "FAILED", "details": reasons}]}}
    imported = parse_job({"importResult": result}).import_result
    assert imported
    assert (len(imported.entities), imported.left_out) == (1_000, 2_001)
    assert sum(entity.state == "FAILED" for entity in imported.entities) == 6
    [tool] = (entity for entity in imported.entities if entity.kind == "tool")
    assert (len(tool.details), tool.left_out) == (20, 30)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ({"de": "Hilfe", "en": "Help"}, "Help"),
        ({"de": "Hilfe", "en": ""}, "Hilfe"),
        ("Help", "Help"),
        ({}, "a1"),
        (None, "a1"),
        ("  ", "a1"),
    ],
)
def test_agent_name(name: object, expected: str) -> None:
    """An agent's name is the English one, any other, or its id."""
    assert parse_agent({"id": "a1", "name": name}).name == expected


@pytest.mark.parametrize(("enabled", "expected"), [(True, True), (False, False), (None, True)])
def test_agent_enabled(enabled: object, expected: bool) -> None:
    """An agent is enabled unless Emporix says that it is not."""
    assert parse_agent({"id": "a1", "enabled": enabled}).enabled is expected


SESSION_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
LINE_FIELDS = ("timestamp", "severity", "message", "agentId", "requestId", "isBusinessLog")
LINES = st.lists(st.dictionaries(st.sampled_from(LINE_FIELDS), SESSION_JSON) | SESSION_JSON)


def test_documented() -> None:
    """The sample of the specification is parsed with its lines."""
    line = {
        "timestamp": "2025-01-15T10:30:28.234Z",
        "severity": "INFO",
        "message": "Retrieved order details successfully",
        "agentId": "complaint-agent",
        "requestId": "req-1",
        "isBusinessLog": True,
    }
    session = parse_session(
        {
            "sessionId": "sess-1",
            "severity": "info",
            "agents": ["complaint-agent"],
            "messages": [line],
            "duration": 120,
        }
    )
    assert (session.id, session.severity, session.seconds) == ("sess-1", "INFO", 120)
    assert session.agents == ("complaint-agent",)
    assert session.lines == (LogLine(*line.values()),)  # type: ignore[arg-type]


def test_lines_are_sorted_by_time() -> None:
    """Lines are sorted whatever the time format; one without a time follows its predecessor."""
    stamps = ("2025-01-15T10:30:30Z", "", "2025-01-15T11:30:29+01:00", "2025-01-15T10:30:28.5Z")
    lines = [{"timestamp": stamp, "message": str(n)} for n, stamp in enumerate(stamps)]
    session = parse_session({"messages": lines})
    assert [line.message for line in session.lines] == ["3", "2", "0", "1"]


@given(
    st.fixed_dictionaries(
        {}, optional={"messages": LINES, "agents": SESSION_JSON, "duration": SESSION_JSON}
    )
)
def test_any_object_is_a_session(value: dict[str, object]) -> None:
    """Any field may be missing, null or of another type, and no line is lost."""
    session = parse_session(value)
    listed = value.get("messages", [])
    assert isinstance(listed, list)
    assert len(session.lines) == len(listed)
    assert all(isinstance(line.message, str) for line in session.lines)


@pytest.mark.parametrize("value", [None, [], "log", 7])
def test_no_session(value: object) -> None:
    """Only an object can be a session."""
    with pytest.raises(ValueError, match="JSON object"):
        parse_session(value)


def test_repr_of_a_log_line_has_no_message() -> None:
    """The representation of a log line does not contain a customer's name."""
    session = parse_session({"messages": [{"message": "Ms Okafor"}]})
    assert "Okafor" not in repr(session)


def test_keeps_five_thousand_lines() -> None:
    """The lines of an endless log are limited, and the others counted."""
    session = parse_session({"messages": [{}] * 1_000_000})
    assert (len(session.lines), session.left_out) == (5_000, 995_000)


REQUESTS = st.lists(
    st.dictionaries(st.sampled_from(("requestId", "messages", "duration")), SESSION_JSON),
    max_size=4,
)


def test_documented_request() -> None:
    """The specification's example is parsed, with its duration of an unknown unit."""
    stamps = ("2025-01-15T10:30:28.234Z", "2025-01-15T10:30:27.167Z")
    lines = [{"timestamp": stamp, "severity": "info", "isBusinessLog": True} for stamp in stamps]
    found = {"id": "req-1", "requestId": "req-1", "messages": lines, "duration": 45}
    log = parse_request_log([found], "req-1")
    assert [line.timestamp for line in log.lines] == sorted(stamps)
    assert (log.duration, log.left_out) == (45, 0)


@given(REQUESTS, st.text(min_size=1, max_size=5))
def test_any_list_of_objects_is_a_list_of_requests(value: list[object], wanted: str) -> None:
    """Any field may be missing, null or of another type, and another request's log is not used."""
    log = parse_request_log(value, wanted)
    assert all(isinstance(line.message, str) for line in log.lines)
    assert log.duration is None or log.duration >= 0
    others = [{**item, "requestId": f"{wanted}x"} for item in value if isinstance(item, dict)]
    assert parse_request_log(others, wanted) == RequestLog()


@pytest.mark.parametrize("value", [None, {}, "log", 7, ["log"]])
def test_no_requests(value: object) -> None:
    """Only an array of objects can be a list of requests."""
    with pytest.raises(ValueError, match="JSON array"):
        parse_request_log(value, "req-1")


def test_keeps_five_thousand_lines_of_a_request() -> None:
    """The lines of an endless log are limited, and the others counted."""
    log = parse_request_log([{"messages": [{}] * 100_000}], "req-1")
    assert (len(log.lines), log.left_out) == (5_000, 95_000)
