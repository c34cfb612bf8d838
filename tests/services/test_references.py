"""References to jobs and agents in a text: ids, links and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.services.references import (
    MAX_JOB_ID_LENGTH,
    MAX_SEARCH_LENGTH,
    find_references,
    mentioned_agents,
    parse_job_id,
)
from tests.rendering.hostile import hostile_text

BASE = "https://admin.emporix.io"
JOB, OTHER = "68835cc3ef4e8e1425c360ad", "68835cc3ef4e8e1425c360ae"
SESSION = "123e4567-e89b-12d3-a456-426614174000"
LINKS = f"{BASE}/apps/administration/ai-agents#/logs/jobs"
NAMES = {"complaint-agent": "Complaint Agent", "a1": "QA", "fraud": "Fraud & Risk"}


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        (JOB, (JOB,)),
        (f"{JOB} and `{OTHER}`, then {JOB} again", (JOB, OTHER)),
        (f'["1","job",{{"tenant":"acme","job_id":"{JOB}"}}]', (JOB,)),
        (f"<{LINKS}/{JOB}|Open in the Management Dashboard>", (JOB,)),
        (f"{LINKS}/odd%20one?x=1", ("odd one",)),
        (f"<{LINKS}/{JOB}>", (JOB,)),
        (f"https://elsewhere.example/logs/jobs/odd {JOB}", (JOB,)),
        (f"a{JOB}", ()),
        (f"{JOB}-x", (JOB,)),
        (f"{JOB.upper()}, {JOB}", (JOB,)),
        (f"_{JOB}_ *{OTHER}*", (JOB, OTHER)),
        (f"job_{JOB} {OTHER}_failed", (JOB, OTHER)),
        (f"job-{JOB}.json", (JOB,)),
        (f"jobs-acme-{JOB}.csv", (JOB,)),
        (f"{LINKS}/{JOB}_", (JOB,)),
        (f"({LINKS}/{JOB}).", (JOB,)),
        (f"{JOB}0", ()),
        (f"4f2a-{JOB}", ()),
        (f"{JOB}-4f2a", ()),
        (f"{LINKS}/..", ()),
        ("no id at all", ()),
    ],
)
def test_finds_ids_of_jobs(text: str, jobs: tuple[str, ...]) -> None:
    """Ids are found bare, formatted, in file names, in button values and in dashboard links."""
    assert find_references([text], BASE).jobs == jobs


def test_finds_sessions() -> None:
    """A session's id is a UUID."""
    there = find_references([f"Session {SESSION} ended", f"{SESSION}"], BASE)
    assert (there.sessions, there.jobs) == ((SESSION,), ())


@pytest.mark.parametrize(
    ("text", "agents"),
    [
        ("The complaint  AGENT failed", ("complaint-agent",)),
        ("see complaint-agent.", ("complaint-agent",)),
        ("Fraud & risk says no", ("fraud",)),
        ("complaint-agents", ()),
        ("QA a1", ()),
        ("", ()),
    ],
)
def test_knows_agents_by_name_and_id(text: str, agents: tuple[str, ...]) -> None:
    """Agents are found by name or id as whole words, in any case, if they are not too short."""
    assert mentioned_agents([text], NAMES) == agents


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["Late refund for <@U0ADA>: see <https://x.example|this> :smile:"], "Late refund for see"),
        (["", "EON1031 was not found"], "EON1031 was not found"),
        (["a b c", "…"], ""),
        (["refund refund refund"], "refund"),
    ],
)
def test_keeps_words_to_look_for(texts: list[str], words: str) -> None:
    """The words are those of the first text that has any, each once and without markup."""
    assert find_references(texts, BASE).words == words


@given(st.lists(hostile_text, max_size=5))
def test_bears_anything(texts: list[str]) -> None:
    """For any text, each reference found can be requested, and the words fit into a field."""
    there = find_references(texts, BASE)
    assert all(id_ and id_.isprintable() and len(id_) <= 200 for id_ in there.jobs)
    assert len(there.words) <= MAX_SEARCH_LENGTH
    assert set(mentioned_agents(texts, NAMES)) <= NAMES.keys()


@given(hostile_text, st.lists(st.sampled_from([JOB, OTHER]), max_size=4))
def test_finds_each_id_between_whatever_else(noise: str, ids: list[str]) -> None:
    """Ids are found in their order, whatever other text there is."""
    there = find_references([noise, *ids], BASE)
    assert [id_ for id_ in there.jobs if id_ in (JOB, OTHER)][-len(set(ids)) or 99 :] == list(
        dict.fromkeys(ids)
    )


ID = "68835cc3ef4e8e1425c360ad"
LINK = f"https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs/{ID}"


@pytest.mark.parametrize(
    "typed",
    [
        ID,
        f" {ID} ",
        f"<{ID}>",
        f"`{ID}`",
        f"“{ID}”",
        LINK,
        f"<{LINK}>",
        f"<{LINK}|the job>",
        f"{LINK}?a=b",
        f"{LINK}.",
        f"({LINK})",
        f"{LINK}_",
        f"{ID}.",
        f"{ID},",
        f"({ID})",
        f"[{ID}]",
        f"#{ID}",
        f"*{ID}*",
        f"_{ID}_",
        f"~{ID}~",
        f"'{ID}'!",
        ID.upper(),
        f"job_{ID}",
        f"job-{ID}.json",
        f"id:{ID}",
        f"job {ID}, please",
    ],
)
def test_accepts_ids_in_common_spellings(typed: str) -> None:
    """An id is read in brackets, quotes, formatting, a file name, a sentence or a link."""
    assert parse_job_id(typed) == ID


@given(st.text("<>()[]{}\"'`“”‘’*_~#.,;:!? \n"), st.text("<>()[]{}\"'`“”‘’*_~#.,;:!? \n"))
def test_wrappers_of_an_id_are_removed(before: str, after: str) -> None:
    """Quotes, brackets, formatting and punctuation around an id are not part of it."""
    assert parse_job_id(f"{before}{ID.upper()}{after}") == ID
    assert parse_job_id(f"{before}job-1{after}") == "job-1"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ms O’Neill’s agent failed", ("a1",)),
        ("ms o'neill's AGENT", ("a1",)),
        ("Ms ONeills agent", ()),
    ],
)
def test_an_apostrophe_is_an_apostrophe(text: str, names: tuple[str, ...]) -> None:
    """Agents are known by their names with either kind of apostrophe."""
    assert mentioned_agents([text], {"a1": "Ms O'Neill's agent"}) == names


def test_reads_an_encoded_link() -> None:
    """An id in a link is percent-decoded."""
    assert parse_job_id("https://x.example/#/logs/jobs/a%2Fb") == "a/b"


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "<>", "two ids", ".", "..", "x" * (MAX_JOB_ID_LENGTH + 1), f"{JOB} {OTHER}"],
)
def test_refuses_invalid_ids(typed: str) -> None:
    """No id, several ids and parts of a path are refused."""
    with pytest.raises(InvalidInput) as caught:
        parse_job_id(typed)
    assert caught.value.advice


@given(st.text(max_size=300))
def test_any_text_is_an_id_or_an_error(typed: str) -> None:
    """Any text becomes an id that can be part of a path, or an error."""
    try:
        found = parse_job_id(typed)
    except InvalidInput:
        return
    assert found
    assert found not in {".", ".."}
    assert len(found) <= MAX_JOB_ID_LENGTH
