"""The `q` language finds matching jobs and refuses invalid queries."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.emporix.json_paths import Document
from sandbox.emporix.query import Malformed, matching

JOBS: list[Document] = [
    {
        "id": "1",
        "status": "success",
        "type": "agent_chat",
        "agentId": "complaint-agent",
        "message": "The late\nREFUND (50 %) was paid",
        "metadata": {"version": 2, "createdAt": "2025-07-25T10:30:27.167Z"},
    },
    {
        "id": "2",
        "status": "failure",
        "type": "AGENT_CHAT",
        "agentId": 'x "quoted" y',
        "message": "late refund of order EON1031",
        "metadata": {"version": 10, "createdAt": "2025-07-26T00:00:00.000Z"},
    },
    {
        "id": "3",
        "status": "success",
        "type": "IMPORT",
        "importResult": {"summary": {"agents": [{"state": "FAILED"}, {"state": "EXISTS"}]}},
        "enabled": True,
        "note": None,
    },
]


def found(q: str) -> str:
    return "".join(job["id"] for job in matching(JOBS, q))


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("", "123"),
        ("  ", "123"),
        ("agentId:complaint-agent", "1"),
        (r'agentId:"x \"quoted\" y"', "2"),
        ("status:SUCCESS type:IMPORT", "3"),
        ("status:(SUCCESS,FAILURE)", "123"),
        ('status:("FAILURE" , RUNNING)', "2"),
        ("type:AGENT_CHAT", "12"),
        ("message:~refund", "12"),
        ("message:~(late refund)", "2"),
        (r"message:~(late\s+refund)", "12"),
        (r"message:~(refund \(50 %\))", "1"),
        ("message:~[)(]", "1"),
        (r"message:~(^late\s+refund\s+of\s+order\s+eon\d+$)", "2"),
        ("message:~(of|was) metadata.version:2", "1"),
        ("message:~eon[0-9]{4}$", "2"),
        ("metadata.version:>2", "2"),
        ("metadata.version:>=2", "12"),
        ("metadata.version:(>1 AND <10)", "1"),
        ("metadata.version:10", "2"),
        ("metadata.createdAt:<2025-07-26", "1"),
        ('metadata.createdAt:>="2025-07-25T12:30:27.167+02:00"', "12"),
        ('metadata.createdAt:(>="2025-07-25T00:00:00.000Z" AND <"2025-07-26T00:00:00.000Z")', "1"),
        ("metadata:exists", "12"),
        ("metadata:missing", "3"),
        ("note:null", "123"),
        ("agentId:nullable", ""),
        ("importResult.summary.agents.state:FAILED", "3"),
        ("enabled:true", "3"),
        ('agentId:""', ""),
        ("unknown:x", ""),
    ],
)
def test_finds(q: str, expected: str) -> None:
    """Each construct of the language finds the intended jobs."""
    assert found(q) == expected


@pytest.mark.parametrize("q", ["status:success", "type:agent_chat", "status:(success,failure)"])
def test_case_trap(q: str) -> None:
    """Status and type match only in upper case; lower case finds nothing, without an error."""
    assert found(q) == ""


@pytest.mark.parametrize(
    "q",
    [
        "status",
        "status:",
        ":SUCCESS",
        "status: SUCCESS",
        "status:SUCCESS,",
        "status:(SUCCESS",
        "status:()",
        "status:(A B)",
        "status:(A,B)type:IMPORT",
        'agentId:"open',
        'agentId:"a"b',
        "late refund",
        "message:~",
        "message:~(open",
        "message:~(late)refund",
        "message:~[open",
        "message:~*",
        "message:~a{99999999999}",
        "message:~(" + "a" * 501 + ")",
        "metadata.version:>",
        "metadata.version:>many",
        "metadata.version:(>1 AND)",
        "metadata.version:(>1 OR <5)",
        'metadata.createdAt:>"yesterday"',
        "compoundLogicalQuery:((status:SUCCESS) OR (status:FAILURE))",
        "a..b:c",
    ],
)
def test_refuses(q: str) -> None:
    """An invalid query is refused, never partly applied."""
    with pytest.raises(Malformed):
        found(q)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)*b",
        "((a?){20}){20}",
        "(?:x*y*)+",
        ".*.*.*x",
        r"(\(a*)+",
        "a?" * 60 + "a" * 60,
    ],
)
def test_refuses_exploding_patterns(pattern: str) -> None:
    """A regular expression that could take exponential time is refused before it runs."""
    with pytest.raises(Malformed, match="too complex"):
        found(f"message:~({pattern})")


@given(st.text())
def test_any_text_is_read_or_refused(q: str) -> None:
    """Any query either finds existing jobs or is malformed."""
    with suppress(Malformed):
        assert set(found(q)) <= set("123")


@given(st.text(alphabet='metadata.status:~(<>=") ANDEXISTS,1[]*+\\', max_size=40))
def test_any_near_miss_is_read_or_refused(q: str) -> None:
    """Any combination of the language's own symbols either finds existing jobs or is malformed."""
    with suppress(Malformed):
        assert set(found(q)) <= set("123")


@given(st.text(min_size=1))
def test_quoting_finds_any_value(value: str) -> None:
    """Any value with escaped quotes and backslashes finds itself."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert matching([{"agentId": value}, {"agentId": value + "x"}], f'agentId:"{quoted}"') == [
        {"agentId": value}
    ]


@given(st.lists(st.sampled_from(["status:SUCCESS", "metadata:exists", "message:~late"])))
def test_clauses_narrow(clauses: list[str]) -> None:
    """An additional clause never adds a job, because a space means AND."""
    every = {json.dumps(job) for job in JOBS}
    for clause in clauses:
        every &= {json.dumps(job) for job in matching(JOBS, clause)}
    assert {json.dumps(job) for job in matching(JOBS, " ".join(clauses))} == every
