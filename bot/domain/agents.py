"""Agents that users pause: switched off in Emporix, and on again later, as a state machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.jobs import Agent
from bot.domain.records import StoredRecord

PauseState = Literal["pausing", "paused", "resuming", "ended"]

PauseOutcome = Literal["resumed", "enabled", "off_already", "changed", "gone", "unknown"]
"""How a pause ended: resumed by the app, or switched on by someone else; the others never began.

"off_already": the agent was off; "changed": someone changed it at the same time; "gone": it was
deleted; "unknown": Emporix didn't say whether the agent was switched off.
"""

CHANGED = "changed"
"""The problem of a pause whose agent was changed meanwhile; others are templates of errors."""

SWITCH_RETRY_SECONDS = 40.0
"""After this time without a result, a worker reads the agent again; longer than three calls."""

MAX_SWITCH_SECONDS = 60 * 60.0
"""How long a worker tries to find out whether a switch worked, or to resume an agent."""


ACTIVE_PAUSE_TTL_SECONDS = 400 * 24 * 60 * 60
ENDED_PAUSE_TTL_SECONDS = 7 * 24 * 60 * 60
"""How long a pause is stored after its last change: one without an end may last for long."""


@dataclass(frozen=True, slots=True)
class AgentVersion(StoredRecord):
    """An agent's version and time of its last change in Emporix; 0 and "" if unknown."""

    number: int = 0
    modified_at: str = ""

    @classmethod
    def of(cls, agent: Agent) -> AgentVersion:
        return cls(agent.version, agent.modified_at)

    def is_same(self, other: AgentVersion) -> bool:
        """Whether the agent is unchanged, as far as both versions are known."""
        pairs = (self.number, other.number), (self.modified_at, other.modified_at)
        return all(one == two for one, two in pairs if one and two)

    def is_followed_by(self, other: AgentVersion) -> bool:
        """Whether exactly one change was made, as far as both numbers are known."""
        return not (self.number and other.number) or other.number == self.number + 1


@dataclass(frozen=True, slots=True)
class AgentPause(StoredRecord):
    """A pause of an agent by `owner` from `at` until `until` (0: until someone resumes it).

    While pausing or resuming, `is_tried` means that the agent may have been switched, and a worker
    continues at `retry_at`; `since` is when this state began. `version` is the agent's version
    before the switch, then after it: if it changes during the pause, the app doesn't resume the
    agent. `problem` says why the app doesn't, or why `resumed_by`, who resumed the agent, couldn't;
    that is None for the app. `outcome` is set once the pause has ended.

    `alert_id` and `ts` identify the alert's message in which the user paused the agent, and
    `channel_id` its channel, else "". The owner's id and the reason are "" if they were deleted.
    `news` counts the changes to announce, and `announced` those that were; `seen_by` is the user
    who saw the last change at once, "" if none did. Times are in seconds since 1970.
    """

    id: str
    owner: Caller
    tenant: str
    agent_id: str
    agent_name: str
    at: float
    until: float
    reason: str
    retry_at: float
    since: float
    state: PauseState = "pausing"
    version: AgentVersion = AgentVersion()
    is_tried: bool = False
    problem: str = ""
    resumed_by: Caller | None = None
    outcome: str = ""
    alert_id: str = ""
    ts: str = ""
    agent_type: str = ""
    news: int = 0
    announced: int = 0
    seen_by: str = ""
    channel_id: str = ""

    @property
    def is_switching(self) -> bool:
        return self.state in ("pausing", "resuming")

    @property
    def is_active(self) -> bool:
        """Whether the agent is paused, or being paused or resumed."""
        return self.state != "ended"

    @property
    def may_be_off(self) -> bool:
        """Whether the agent is off because of this pause, or may be."""
        return self.state == "paused" or self.outcome == "unknown"

    @property
    def was_paused(self) -> bool:
        """Whether the agent was off at some time because of this pause."""
        return self.state in ("paused", "resuming") or (self.state == "ended" and self.news > 1)

    @property
    def has_news(self) -> bool:
        return self.announced < self.news

    @property
    def actor(self) -> Caller:
        """The user with whose API key the agent is switched."""
        return self.resumed_by or self.owner

    def ttl_seconds(self, now: float) -> int:
        return ACTIVE_PAUSE_TTL_SECONDS if self.is_active else ENDED_PAUSE_TTL_SECONDS

    @property
    def resumes_at(self) -> float | None:
        """When the app resumes the agent; None for never.

        It doesn't after its own failure, but it does if another user couldn't do it earlier.
        """
        is_open = not self.problem or (self.resumed_by is not None and self.problem != CHANGED)
        return self.until if self.state == "paused" and self.until and is_open else None

    def due_at(self, now: float) -> float | None:
        """When a worker must continue; None for never."""
        if self.has_news:
            return now
        return self.retry_at if self.is_switching else self.resumes_at

    def resuming(self, by: Caller | None, now: float) -> AgentPause:
        """The pause once a user resumes the agent, or the app (None) at the end."""
        if self.state != "paused":
            return self
        return replace(
            self,
            state="resuming",
            is_tried=False,
            resumed_by=by,
            retry_at=now + SWITCH_RETRY_SECONDS,
            since=now,
        )

    def not_resumed(self, before: AgentPause) -> AgentPause:
        """The pause after Emporix refused to resume the agent, as it was `before`."""
        if self.state != "resuming":
            return self
        news, seen_by, announced = self.news, self.seen_by, self.announced
        return replace(before, news=news, seen_by=seen_by, announced=announced)

    def trying(self, now: float) -> AgentPause:
        """The pause immediately before the agent is switched."""
        return replace(self, is_tried=True, retry_at=now + SWITCH_RETRY_SECONDS)

    def after_reading(
        self, agent: Agent | None, now: float, *, is_accepted: bool = False
    ) -> AgentPause:
        """The pause once Emporix has said how the agent is; None means that it was deleted.

        `is_accepted`: Emporix has just accepted the switch. If the result is still switching, the
        agent must be switched, for the first time or again.
        """
        if not self.is_switching:
            return self
        if agent is None:
            return self._ended("gone", now)
        seen = replace(
            self, version=AgentVersion.of(agent), agent_type=agent.type, agent_name=agent.name
        )
        if self.state == "pausing":
            return self._pausing(seen, now, is_on=agent.enabled, is_accepted=is_accepted)
        return self._resuming(seen, now, is_on=agent.enabled)

    def _pausing(
        self, seen: AgentPause, now: float, *, is_on: bool, is_accepted: bool
    ) -> AgentPause:
        if not self.is_tried:
            return seen if is_on else self._ended("off_already", now)
        if is_on:
            return self if self.version.is_same(seen.version) else self._ended("changed", now)
        is_ours = is_accepted or self.version.is_followed_by(seen.version)
        return seen._paused(now, "" if is_ours else CHANGED)

    def _resuming(self, seen: AgentPause, now: float, *, is_on: bool) -> AgentPause:
        if is_on:
            return self._ended("resumed" if self.is_tried else "enabled", now)
        is_changed = not self.version.is_same(seen.version)
        if is_changed and (self.is_tried or self.resumed_by is None):
            return self._paused(now, CHANGED)
        if self.is_tried:
            return self
        return replace(seen, problem=CHANGED) if is_changed else seen

    def after_giving_up(self, problem: str, now: float) -> AgentPause:
        """The pause after Emporix refused the switch, or didn't answer for too long."""
        if self.state == "pausing":
            return self._ended("unknown", now)
        problem = CHANGED if self.problem == CHANGED else problem
        return self._paused(now, problem) if self.state == "resuming" else self

    def after_switch_elsewhere(self, now: float) -> AgentPause:
        """The pause once someone has switched the agent on in Emporix."""
        return self._ended("enabled", now) if self.state == "paused" else self

    def _paused(self, now: float, problem: str) -> AgentPause:
        return replace(self._with_news(now), state="paused", problem=problem)

    def _ended(self, outcome: PauseOutcome, now: float) -> AgentPause:
        return replace(self._with_news(now), state="ended", outcome=outcome, problem="")

    def _with_news(self, now: float) -> AgentPause:
        return replace(self, is_tried=False, news=self.news + 1, seen_by="", since=now)

    def after_announcing(self, announced: AgentPause) -> AgentPause:
        """The pause after users were told about the state of `announced`."""
        return replace(self, announced=max(self.announced, announced.news))


def pause_id(team_id: str, tenant: str, agent_id: str) -> str:
    """The id of an agent's pause: one per workspace, tenant and agent, without their texts.

    The workspace's id is a word of it, so that the data of a workspace is found and deleted.
    """
    hashed = hashlib.sha256(f"{tenant}\0{agent_id}".encode("utf-8", "replace")).hexdigest()
    return f"{team_id}-{hashed[:32]}"


def covers(filters: Filters, pause: AgentPause) -> bool:
    """Whether filters match jobs of a paused agent."""
    is_agent = not filters.agents or pause.agent_id in filters.agents
    types = {one.lower() for one in filters.agent_types}
    is_type = not types or pause.agent_type.lower() in types
    return filters.tenant == pause.tenant and is_agent and is_type
