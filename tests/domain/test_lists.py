"""Places of jobs in lists and groups."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.lists import JobPlace, JobStep, ShownPage, place_in, place_on

IDS = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=12, unique=True)


@given(IDS, st.integers(1, 9), st.booleans(), st.data())
def test_next_and_previous_lead_back(
    ids: list[str], page: int, has_more: bool, data: st.DataObject
) -> None:
    """Each job of a page lies between its neighbors, and the first and last know of other pages."""
    shown = ShownPage(page, tuple(ids), has_more)
    number = data.draw(st.integers(0, len(ids) - 1))
    place = place_on(shown, ids[number], "cursor-1")
    assert (place.cursor, place.page) == ("cursor-1", page)
    if number:
        assert place.previous == JobStep(ids[number - 1], page)
        assert place_on(shown, ids[number - 1], "").next == JobStep(ids[number], page)
    else:
        assert place.previous == (JobStep("", page - 1) if page > 1 else None)
    if number == len(ids) - 1:
        assert place.next == (JobStep("", page + 1) if has_more else None)


@given(IDS)
def test_an_unknown_job_has_no_neighbors(ids: list[str]) -> None:
    """A job that is not among the ids has no previous and no next job."""
    assert place_in(ids, "none of them") == JobPlace("none of them")


@given(IDS)
def test_a_group_ends_at_its_ends(ids: list[str]) -> None:
    """A group has one page."""
    assert place_in(ids, ids[0]).previous is None
    assert place_in(ids, ids[-1]).next is None
