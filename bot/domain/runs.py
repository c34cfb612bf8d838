"""Running failed jobs again: one attempt at a time, each with a session id of the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal

from bot.domain.accounts import Caller
from bot.domain.jobs import FAILED, Job
from bot.domain.records import StoredRecord

SEND_SECONDS = 30.0
"""After this time, the call that starts an agent has ended, or its process was killed."""

SEARCH_SECONDS = 10 * 60.0
"""How long the app looks for the job of a run whose outcome is unknown."""

SEARCH_INTERVAL_SECONDS = 15.0

MAX_SEARCH_SECONDS = 60 * 60.0
"""When the app stops looking if Emporix can't be asked after SEARCH_SECONDS."""

RUN_TTL_SECONDS = 7 * 24 * 60 * 60
"""How long the last attempt to run a job again is kept after its last change."""

RunState = Literal["sending", "unknown", "started", "refused", "not_found", "unchecked"]

STATES_AFTER: Mapping[str, frozenset[str]] = {
    "sending": frozenset({"unknown", "started", "refused"}),
    "unknown": frozenset({"started", "refused", "not_found", "unchecked"}),
}
"""What a state can change to; the others are final."""


def can_run_again(job: Job) -> bool:
    """Whether a job is a failed chat with an agent."""
    is_chat = job.type in ("", "AGENT_CHAT")
    return bool(job.status == FAILED and is_chat and job.id and job.agent_id)


@dataclass(frozen=True, slots=True)
class Run(StoredRecord):
    """The last attempt of a workspace to run a failed job again, by `caller`, begun at `at`.

    `attempt` counts the attempts for the job that were not refused, from 1. The new job has the
    `session_id`, and the id `new_job_id` once that is known. `state` is a RunState: `sending`
    during the call, `unknown` if the call may have worked, `not_found` if Emporix had no such job
    after SEARCH_SECONDS, `unchecked` if Emporix could not be asked. `reason` is the template of the
    error that refused it. `was_unknown`: the outcome was unknown at first; `is_shown`: the user
    knows that.

    `is_settled`: nothing is left to do, so the next attempt can begin. `channel_id` and `thread_ts`
    are the thread that the job was opened from, `audit_id` is the entry that records the attempt,
    and `agent` the name of the agent. `text` is the message, if the user has changed it; it is
    stored only until it is known that the agent was started, for the form of the next attempt.
    """

    tenant: str
    job_id: str
    attempt: int
    caller: Caller
    session_id: str
    at: float
    state: str = "sending"
    agent_id: str = ""
    agent: str = ""
    new_job_id: str = ""
    reason: str = ""
    was_unknown: bool = False
    is_shown: bool = False
    is_settled: bool = False
    channel_id: str = ""
    thread_ts: str = ""
    audit_id: str = ""
    text: str = field(default="", repr=False)

    def ttl_seconds(self, now: float) -> int:
        return RUN_TTL_SECONDS

    def due_at(self, now: float) -> float | None:
        """When a worker must look after the attempt; None for never."""
        if self.is_settled:
            return None
        if self.state == "sending":
            return self.at + SEND_SECONDS
        return now

    def after(self, state: RunState, *, new_job_id: str = "", reason: str = "") -> Run:
        """The attempt in another state; unchanged if it can't change to that state."""
        if state not in STATES_AFTER.get(self.state, frozenset()):
            return self
        return replace(
            self,
            state=state,
            new_job_id=new_job_id,
            reason=reason,
            attempt=self.attempt - (state == "refused"),
            was_unknown=self.was_unknown or state == "unknown",
            is_settled=state == "refused",
            text="" if state in ("started", "refused") else self.text,
        )


def next_run(before: Run | None, new: Run) -> Run:
    """Begin the attempt `new`, unless `before` is unsettled or newer than what the user saw.

    Returns `new` if it begins, otherwise `before`.
    """
    if before is None:
        return new
    is_next = before.is_settled and before.attempt + 1 == new.attempt
    return new if is_next else before


def run_id(caller: Caller, tenant: str, job_id: str) -> str:
    """The id of the attempts of a workspace to run a job again."""
    named = "\n".join((caller.enterprise_id, caller.team_id, tenant, job_id))
    return sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:32]
