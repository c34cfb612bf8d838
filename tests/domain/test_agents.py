"""Pauses of agents as a state machine, against an Emporix that other people change, too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller
from bot.domain.agents import AgentPause, AgentVersion, covers, pause_id
from bot.domain.filters import Filters
from bot.domain.jobs import Agent

ADA, GRACE = Caller("T1", "U0ADA"), Caller("T1", "U0GRACE")
NOW = 1_800_000_000.0
ASKED = AgentPause("T1-x", ADA, "acme", "a1", "a1", NOW, NOW + 3600, "Wrong prices", NOW + 40, NOW)


def agent(version: int, *, on: bool) -> Agent:
    return Agent("a1", "Help", "generic", on, version, f"v{version}" if version else "")


PAUSED = replace(
    ASKED, state="paused", version=AgentVersion(2, "v2"), agent_name="Help", news=1, announced=1
)


@dataclass
class FakeAgent:
    """An agent in Emporix; `hands` lists who switched it last."""

    on: bool = True
    version: int = 1
    last: str = ""

    def switch(self, by: str, *, on: bool) -> None:
        self.on, self.version, self.last = on, self.version + 1, by

    def seen(self) -> Agent:
        return agent(self.version, on=self.on)


@pytest.mark.parametrize(
    ("is_tried", "seen", "is_accepted", "state", "end"),
    [
        (False, agent(1, on=True), False, "pausing", ""),  # to be switched
        (False, agent(1, on=False), False, "ended", "off_already"),
        (False, None, False, "ended", "gone"),
        (True, agent(1, on=True), False, "pausing", ""),  # had no effect: to be switched again
        (True, agent(2, on=False), False, "paused", ""),  # the reply was lost
        (True, agent(3, on=False), False, "paused", "changed"),  # someone else changed it, too
        (True, agent(3, on=False), True, "paused", ""),  # accepted, however versions are counted
        (True, agent(0, on=False), False, "paused", ""),  # without versions
        (True, agent(2, on=True), False, "ended", "changed"),
        (True, agent(3, on=True), True, "ended", "changed"),
        (True, None, False, "ended", "gone"),
    ],
)
def test_pausing(
    is_tried: bool, seen: Agent | None, is_accepted: bool, state: str, end: str
) -> None:
    """What Emporix says decides whether an agent is paused, must be switched, or was changed."""
    pausing = replace(ASKED, version=AgentVersion(1, "v1"), is_tried=is_tried)
    after = pausing.after_reading(seen, NOW, is_accepted=is_accepted)
    assert (after.state, after.problem or after.outcome) == (state, end)


@pytest.mark.parametrize(
    ("by", "is_tried", "seen", "state", "end"),
    [
        (None, False, agent(2, on=False), "resuming", ""),
        (None, False, agent(0, on=False), "resuming", ""),
        (None, False, agent(3, on=False), "paused", "changed"),  # someone changed it: hands off
        (None, False, agent(3, on=True), "ended", "enabled"),
        (None, False, None, "ended", "gone"),
        (None, True, agent(2, on=False), "resuming", ""),
        (None, True, agent(3, on=True), "ended", "resumed"),
        (None, True, agent(3, on=False), "paused", "changed"),
        (GRACE, False, agent(3, on=False), "resuming", "changed"),  # a person decides
        (GRACE, True, agent(5, on=False), "paused", "changed"),
        (GRACE, True, agent(3, on=True), "ended", "resumed"),
    ],
)
def test_resuming(
    by: Caller | None, is_tried: bool, seen: Agent | None, state: str, end: str
) -> None:
    """The app resumes an agent that no one has changed, and a person any agent."""
    resuming = replace(PAUSED.resuming(by, NOW), is_tried=is_tried)
    after = resuming.after_reading(seen, NOW)
    assert (after.state, after.problem or after.outcome) == (state, end)


def test_a_person_resumes_the_changed_agent() -> None:
    """An agent that a person resumes is compared with its version at that time."""
    resuming = PAUSED.resuming(GRACE, NOW).after_reading(agent(4, on=False), NOW).trying(NOW)
    assert resuming.after_reading(agent(4, on=False), NOW).state == "resuming"
    assert resuming.not_resumed(PAUSED) == PAUSED


@pytest.mark.parametrize(("version", "resumes_at"), [(2, PAUSED.until), (3, None)])
def test_a_person_cannot_resume(version: int, resumes_at: float | None) -> None:
    """If a person can't resume an agent, the app does at the end, unless the agent was changed."""
    read = PAUSED.resuming(GRACE, NOW).after_reading(agent(version, on=False), NOW)
    after = read.trying(NOW).after_giving_up("forbidden", NOW)
    assert (after.state, after.has_news, after.resumes_at) == ("paused", True, resumes_at)
    assert after.resuming(None, NOW).after_giving_up("forbidden", NOW).resumes_at is None


def test_when_a_worker_continues() -> None:
    """A worker continues with news, unknown results and ends, and with nothing else."""
    for_ever, changed = replace(PAUSED, until=0.0), replace(PAUSED, problem="changed")
    assert [one.due_at(NOW) for one in (PAUSED, for_ever, changed)] == [NOW + 3600, None, None]
    assert ASKED.due_at(NOW) == NOW + 40
    assert PAUSED.resuming(None, NOW + 9).due_at(NOW) == NOW + 49
    assert replace(PAUSED, news=2).due_at(NOW) == NOW


@pytest.mark.parametrize("pause", [ASKED, PAUSED, replace(ASKED, state="ended", news=1)])
def test_giving_up(pause: AgentPause) -> None:
    """After giving up, the app does nothing more by itself, and users are told why."""
    after = pause.after_giving_up("forbidden", NOW)
    assert after.resumes_at in (None, pause.resumes_at)
    assert not after.is_switching
    resuming = PAUSED.resuming(None, NOW).after_giving_up("forbidden", NOW)
    assert (resuming.state, resuming.problem, resuming.has_news) == ("paused", "forbidden", True)


@dataclass
class Story:
    """An agent, its pause, and the number of times that the app has switched the agent."""

    emporix: FakeAgent
    pause: AgentPause = ASKED
    switched: int = 0

    def other_on(self) -> None:
        if not self.emporix.on:
            self.emporix.switch("other", on=True)

    def other_edit(self) -> None:
        self.emporix.switch("other", on=self.emporix.on)

    def resume(self) -> None:
        self.pause = self.pause.resuming(GRACE, NOW)

    def due(self) -> None:
        if self.pause.resumes_at:
            self.pause = self.pause.resuming(None, NOW)

    def try_(self, *, has_effect: bool) -> bool:
        """Read the agent, and switch it if that is the next step; False if it isn't."""
        before, seen = self.pause, AgentVersion.of(self.emporix.seen())
        self.pause = before.after_reading(self.emporix.seen(), NOW)
        if not self.pause.is_switching:
            return False
        is_persons = before.resumed_by is not None or before.state == "pausing"
        assert before.version.is_same(seen) or (is_persons and not before.is_tried)
        assert self.emporix.on is (self.pause.state == "pausing")
        self.pause = self.pause.trying(NOW)
        if has_effect:
            self.emporix.switch("app", on=self.pause.state == "resuming")
            self.switched += 1
        return True

    def answered(self) -> None:
        if self.try_(has_effect=True):
            self.pause = self.pause.after_reading(self.emporix.seen(), NOW, is_accepted=True)
            assert self.pause.state in ("paused", "ended")

    def lost(self) -> None:
        self.try_(has_effect=True)

    def crash(self) -> None:
        self.try_(has_effect=False)

    def refused(self) -> None:
        was_tried = self.pause.is_tried
        if self.try_(has_effect=False):
            self.pause = replace(self.pause, is_tried=was_tried)


EVENTS = ("answered", "lost", "crash", "refused", "resume", "due", "other_on", "other_edit")


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_never_overrides_others(events: list[str]) -> None:
    """The app switches an agent only as a person decided, and only if no one has changed it since.

    `lost`: the switch works but its reply is lost; `crash`: the process dies before it sends it;
    `refused`: it certainly had no effect.
    """
    story = Story(FakeAgent())
    for event in events:
        if event in ("other_on", "other_edit", "resume", "due") or story.pause.is_switching:
            getattr(story, event)()
    if story.pause.state == "paused" and not story.pause.problem:
        assert not story.emporix.on or story.emporix.last == "other"
    assert story.switched <= 2 + events.count("other_on") + events.count("resume")


def test_an_end_after_someone_else_is_left_alone() -> None:
    """An agent that was switched on and off by someone else during a pause stays off at the end."""
    emporix = FakeAgent(on=False, version=2, last="app")
    emporix.switch("other", on=True)
    emporix.switch("other", on=False)
    after = PAUSED.resuming(None, NOW).after_reading(emporix.seen(), NOW)
    assert (after.state, after.problem, after.resumes_at) == ("paused", "changed", None)


@pytest.mark.parametrize(
    ("filters", "is_covered"),
    [
        (Filters(tenant="acme"), True),
        (Filters(tenant="globex"), False),
        (Filters(tenant="acme", agents=("a1", "a2")), True),
        (Filters(tenant="acme", agents=("a2",)), False),
        (Filters(tenant="acme", agent_types=("generic",)), True),
        (Filters(tenant="acme", agent_types=("complaint",)), False),
    ],
)
def test_alerts_that_cover_an_agent(filters: Filters, is_covered: bool) -> None:
    """An alert covers an agent of its tenant that its filters don't exclude."""
    assert covers(filters, replace(PAUSED, agent_type="GENERIC")) is is_covered


def test_ids() -> None:
    """Each agent of a tenant and workspace has its own id, which names only the workspace."""
    ids = {pause_id(*one) for one in [("T1", "a", "bc"), ("T1", "ab", "c"), ("T2", "a", "bc")]}
    assert len(ids) == 3
    assert all(one[:3] in ("T1-", "T2-") and ":" not in one for one in ids)
