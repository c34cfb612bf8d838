"""Reading jobs and agents, whatever comes."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import ExportResult, ImportedEntity, ImportResult, Job, JobPage, Reason
from bot.emporix.models import LIST_FIELDS, parse_agent, parse_job, parse_job_page
from tests.emporix.test_payloads import JSON

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
    """Every documented field of a job arrives under our name."""
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
    """Status and type look the same, whichever way Emporix spells them."""
    job = parse_job({"status": "FAILURE", "type": "agent_chat"})
    assert (job.status, job.type) == ("failure", "AGENT_CHAT")


def test_future() -> None:
    """Statuses and fields that nobody knows yet survive."""
    job = parse_job({"status": "paused", "cost": {"tokens": 7}})
    assert (job.status, job.extra) == ("paused", {"cost": {"tokens": 7}})


def test_results() -> None:
    """What an import and an export brought about is read, with the reasons of failures."""
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
    """A result that is no object is kept where nothing expects a shape."""
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
    """Only an object is a job or an agent."""
    with pytest.raises(ValueError, match="JSON object"):
        parse_job(value)
    with pytest.raises(ValueError, match="JSON object"):
        parse_agent(value)


def test_repr_is_discreet() -> None:
    """A job in a log line does not show what a customer wrote."""
    shown = repr(parse_job(DOCUMENTED | {"secret": "s", "exportResult": {"data": "e30="}}))
    assert not any(text in shown for text in ("Dear Customer", "Done", "e30=", "secret"))


def test_list_fields() -> None:
    """A list asks for everything but the results, which can be huge."""
    assert set(LIST_FIELDS) == set(DOCUMENTED)


def page_of(*ids: str, number: int = 1, size: int = 2, total: int | None = None) -> JobPage:
    value = [{"id": id_, "agentId": str(place)} for place, id_ in enumerate(ids)]
    return parse_job_page(value, page=number, size=size, total=total)


def test_page_repeats() -> None:
    """An id that comes twice is shown once, the first time; jobs without an id all stay."""
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
    """The total says whether more follow; without one, a full page means that there may be."""
    assert page_of(*ids, number=number, total=total).has_more is more


def test_page_of_another_shape() -> None:
    """Only an array of objects is a page."""
    with pytest.raises(ValueError, match="JSON array"):
        parse_job_page({"jobs": []}, page=1, size=1, total=None)
    with pytest.raises(ValueError, match="JSON array"):
        parse_job_page([None], page=1, size=1, total=None)


def test_one_null_hides_no_list(caplog: pytest.LogCaptureFixture) -> None:
    """What is no job is left out, and the log counts it."""
    page = parse_job_page([None, {"id": "a"}, 7, {"id": "b"}], page=1, size=4, total=None)
    assert [job.id for job in page.jobs] == ["a", "b"]
    assert page.has_more is True
    assert "2 of 4 entries of a response are left out" in caplog.text


def test_a_page_is_no_longer_than_was_asked_for() -> None:
    """A million empty jobs cost no more than the page that was wanted."""
    found: list[dict[str, str]] = [{} for _ in range(1_500_000)]
    begin = process_time()
    page = parse_job_page(found, page=1, size=50, total=None)
    assert process_time() - begin < 0.2
    assert (len(page.jobs), page.has_more) == (50, True)


def test_keeps_forty_unknown_fields() -> None:
    """So many are shown, and the others counted; each value is cut, and says so."""
    deep = {"list": list(range(1_000)), "text": "x" * 9_000, "deep": {"a": {"b": {"c": [1]}}}}
    job = parse_job({"id": "j", **deep, **{f"k{number}": 1 for number in range(100)}})
    assert (job.id, len(job.extra), job.left_out) == ("j", 40, 63)
    assert job.extra["list"] == [*range(20), "…"]
    assert job.extra["text"] == "x" * 1_000 + "…"
    assert job.extra["deep"] == {"a": {"b": {"c": "…"}}}


def test_keeps_a_thousand_entities_failures_first() -> None:
    """What is left out of a large import is counted, and no failure is left out before others."""
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
    ],
)
def test_agent_name(name: object, expected: str) -> None:
    """An agent is named in English, else in any language, else by its id."""
    assert parse_agent({"id": "a1", "name": name}).name == expected


@pytest.mark.parametrize(("enabled", "expected"), [(True, True), (False, False), (None, True)])
def test_agent_enabled(enabled: object, expected: bool) -> None:
    """An agent is taken for enabled unless Emporix says that it is not."""
    assert parse_agent({"id": "a1", "enabled": enabled}).enabled is expected
