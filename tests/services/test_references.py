"""A job is found by its id, however it is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import InvalidInput
from bot.services.references import MAX_JOB_ID_LENGTH, parse_job_id

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
    ],
)
def test_takes_an_id_as_it_comes(typed: str) -> None:
    """Bare, in brackets or quotes, or in a link to the dashboard."""
    assert parse_job_id(typed) == ID


def test_reads_an_encoded_link() -> None:
    """What is percent-encoded in a link is the id's own."""
    assert parse_job_id("https://x.example/#/logs/jobs/a%2Fb") == "a/b"


@pytest.mark.parametrize(
    "typed", ["", "  ", "<>", "two ids", ".", "..", "x" * (MAX_JOB_ID_LENGTH + 1)]
)
def test_refuses_what_is_no_id(typed: str) -> None:
    """Nothing, more than one, or what would be another path."""
    with pytest.raises(InvalidInput) as caught:
        parse_job_id(typed)
    assert caught.value.advice


@given(st.text(max_size=300))
def test_gives_an_id_or_says_so(typed: str) -> None:
    """Whatever is typed becomes an id that can be a path segment, or a named error."""
    try:
        found = parse_job_id(typed)
    except InvalidInput:
        return
    assert found
    assert found not in {".", ".."}
    assert len(found) <= MAX_JOB_ID_LENGTH
