"""Runs failed jobs again, at most once for each confirmation, and finds out what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from bot.domain.accounts import RUN_SCOPE, Account, Connection, require_connection
from bot.domain.audit import BEGUN, DONE, AuditEvent
from bot.domain.filters import Filters
from bot.domain.jobs import Job
from bot.domain.runs import (
    MAX_SEARCH_SECONDS,
    SEARCH_INTERVAL_SECONDS,
    SEARCH_SECONDS,
    Run,
    RunState,
    can_run_again,
    next_run,
    run_id,
)
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.errors import (
    ActionsOff,
    ActionUnclear,
    BotError,
    Busy,
    EmporixError,
    InvalidInput,
    NotConnected,
    RecordUnreadable,
    StoreUnavailable,
)
from bot.services.accounts import require_action_scope
from bot.services.jobs import JobCard, JobService
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.due_index import RunStore

MAX_TYPED_LENGTH = 3000
"""Slack: the maximum of a field. The message of a job that is longer is not in the form."""

MAX_SENT_LENGTH = 100_000
"""A longer message is not sent: it is an answer rather than what was asked."""

MAX_RUN_CLAIM_AGE_SECONDS = 2.0
"""An older claim is not used, because this process or its connection to Redis was stalled."""

UNREADABLE_RUN_RETRY_SECONDS = 60.0
"""Until an attempt that can't be decrypted is read again: its key may be restored."""

RUN_TAKEN = "run_taken"
"""The result of an attempt that came after another one."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A user's confirmation to run a job again.

    `text` is what to send to the agent, "" for a message of the job that doesn't fit in the form.
    `seen` is the number of attempts that the user knew of. `channel_id` and `thread_ts` are as in
    Run.
    """

    tenant: str
    job_id: str
    text: str
    seen: int = 0
    channel_id: str = ""
    thread_ts: str = ""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The last attempt after a confirmation; `is_new` is False if another one came first."""

    run: Run
    is_new: bool


class RunService:
    """Runs jobs again. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(
        self,
        jobs: JobService,
        emporix: EmporixClient,
        store: RunStore,
        accounts: AccountStore,
        audit: AuditLog,
        *,
        clock: Clock,
        new_session_id: Callable[[], str],
        allowed: bool,
        stopwatch: Clock = time.monotonic,
    ) -> None:
        self._jobs, self._emporix, self._store = jobs, emporix, store
        self._accounts, self._audit, self._clock = accounts, audit, clock
        self._new_session_id, self._allowed = new_session_id, allowed
        self._stopwatch = stopwatch

    def admit(self) -> None:
        """Raises ActionsOff if the operator has turned agent actions off."""
        if not self._allowed:
            raise ActionsOff

    async def prepare(self, account: Account, job_id: str, tenant: str) -> JobCard:
        """The job to run again, with the last attempt.

        Raises ActionsOff, ActionNotAllowed, NotConnected, InvalidInput if it can't be run again,
        and EmporixError.
        """
        self.admit()
        require_action_scope(account, tenant, RUN_SCOPE)
        card = await self._jobs.get(account, job_id, tenant)
        if not can_run_again(card.job):
            raise InvalidInput(
                "Only a failed job of an agent can be run again", advice="Open the job to see it."
            )
        return card

    async def start(self, account: Account, request: RunRequest) -> RunResult:
        """Run a job again, unless another attempt came first; refusals are recorded, too.

        The state of a new attempt is started, or unknown if the agent may have been started. If the
        agent was certainly not started, raises what `prepare` raises, Busy, or ActionUnclear if
        that could not be recorded.
        """
        card, text = await self._checked(account, request)
        original = card.job.message
        asked_at = self._stopwatch()
        facts = {"tenant": card.tenant, "subject": card.job.id}
        audit_id = await self._audit.record(
            AuditEvent.JOB_RUN_AGAIN, account.caller, BEGUN, **facts
        )
        new = replace(
            self._new_run(account, card, request, audit_id), text="" if text == original else text
        )
        run = await self._claim(new)
        if run.session_id != new.session_id:
            await self._record(new, RUN_TAKEN)
            return RunResult(run, is_new=False)
        return RunResult(await self._send(account, run, text, asked_at), is_new=True)

    async def _checked(self, account: Account, request: RunRequest) -> tuple[JobCard, str]:
        """The job to run again and the message to send; records why there is none."""
        try:
            card = await self.prepare(account, request.job_id, request.tenant)
            original = card.job.message
            text = request.text or (original if len(original) > MAX_TYPED_LENGTH else "")
            if not text.strip() or len(text) > MAX_SENT_LENGTH:
                raise InvalidInput("There is no message to send to the agent", advice="Type one.")
        except BotError as error:
            facts = {"tenant": request.tenant, "subject": request.job_id}
            event = AuditEvent.JOB_RUN_AGAIN
            await self._audit.try_record(event, account.caller, error.template, **facts)
            raise
        return card, text

    async def _claim(self, new: Run) -> Run:
        """Begin an attempt; returns another one if that came first."""
        try:
            return await self._store.update(_id(new), new.at, partial(next_run, new=new)) or new
        except (Busy, StoreUnavailable) as error:
            await self._record(new, error.template)
            if not isinstance(error, RecordUnreadable):
                await self._refuse(new, error)
            raise

    def _new_run(self, account: Account, card: JobCard, request: RunRequest, audit_id: str) -> Run:
        return Run(
            tenant=card.tenant,
            job_id=card.job.id,
            attempt=request.seen + 1,
            caller=account.caller,
            session_id=self._new_session_id(),
            at=self._clock(),
            agent_id=card.job.agent_id,
            agent=card.job.agent_name or card.job.agent_id,
            channel_id=request.channel_id,
            thread_ts=request.thread_ts,
            audit_id=audit_id,
        )

    async def _send(self, account: Account, run: Run, text: str, asked_at: float) -> Run:
        """Start the agent, and record what is known.

        If that can't be recorded, or the process is killed, a worker looks for the job.
        """
        connection = require_connection(account, run.tenant)
        try:
            if self._stopwatch() - asked_at > MAX_RUN_CLAIM_AGE_SECONDS:
                raise Busy
            job_id = await self._emporix.start_agent(connection, run.agent_id, text, run.session_id)
        except BotError as error:
            await self._refuse(run, error)
            raise
        return await self._try_end(run, "started" if job_id else "unknown", new_job_id=job_id)

    async def _refuse(self, run: Run, error: BotError) -> None:
        """Record that the agent was certainly not started; raises ActionUnclear if that fails."""
        try:
            await self._end(run, "refused", reason=error.template)
        except (StoreUnavailable, Busy) as unrecorded:
            logger.error("the result of a run could not be recorded: %s: %s", "refused", unrecorded)
            raise ActionUnclear("run") from error

    async def _try_end(self, run: Run, state: RunState, *, new_job_id: str) -> Run:
        """Like `_end`, but if Redis does not answer, leave it to a worker."""
        try:
            return await self._end(run, state, new_job_id=new_job_id)
        except (StoreUnavailable, Busy) as error:
            logger.error("the result of a run could not be recorded: %s: %s", state, error)
            return run.after(state, new_job_id=new_job_id)

    async def _end(
        self, run: Run, state: RunState, *, new_job_id: str = "", reason: str = ""
    ) -> Run:
        """Record what is known about an attempt, unless it was replaced or deleted."""
        is_change = False

        def ended(current: Run) -> Run:
            nonlocal is_change
            after = current.after(state, new_job_id=new_job_id, reason=reason)
            is_change |= after != current
            return after

        after = await self._change(run, ended)
        if is_change and after.state == state and state != "unknown":
            await self._record(after, RESULTS.get(state, reason))
        return after

    async def _record(self, run: Run, result: str) -> None:
        """Replace the audit entry of an attempt by its result; `begun` stays if Redis fails."""
        facts = {"tenant": run.tenant, "subject": run.job_id, "detail": run.new_job_id}
        try:
            await self._audit.record(
                AuditEvent.JOB_RUN_AGAIN, run.caller, result, run.audit_id, **facts
            )
        except StoreUnavailable:
            logger.error("the result of a run could not be recorded: %s: %r", result, run.job_id)

    async def check(self, id_: str) -> Run | None:
        """Look for the job of an attempt with an unknown outcome; returns the attempt.

        Returns None if there is nothing to do now. The attempt is due again if it isn't settled.
        """
        run, now = await self._store.load(id_), self._clock()
        due = run.due_at(now) if run else None
        if run is None or due is None or due > now:
            await self._store.due.schedule(id_, due or now + UNREADABLE_RUN_RETRY_SECONDS)
            return None
        if run.state == "sending":
            run = await self._end(run, "unknown")
        return await self._search(run, now) if run.state == "unknown" else run

    async def _search(self, run: Run, now: float) -> Run:
        was_read, job_id = True, ""
        try:
            job_id = await self._find(run)
        except (EmporixError, NotConnected) as error:
            was_read = False
            logger.warning("the job of a run could not be searched: %s", error.template)
        waited = now - run.at
        if job_id:
            return await self._end(run, "started", new_job_id=job_id)
        if waited >= SEARCH_SECONDS and was_read:
            return await self._end(run, "not_found")
        if waited >= MAX_SEARCH_SECONDS:
            return await self._end(run, "unchecked")
        next_at = now + SEARCH_INTERVAL_SECONDS
        if now < run.at + SEARCH_SECONDS < next_at:
            next_at = run.at + SEARCH_SECONDS
        await self._store.due.schedule(_id(run), next_at)
        return run

    async def _find(self, run: Run) -> str:
        """The id of the job with the session of an attempt, or ""."""
        connection = await self._connection(run)
        page = await self._emporix.list_jobs(connection, Filters(sessions=(run.session_id,)))
        found = [job for job in page.jobs if job.session_id == run.session_id and job.id]
        first = [job for job in found if job.agent_id == run.agent_id] or found
        return first[-1].id if first else ""

    async def failed_job(self, run: Run) -> Job | None:
        """The job that was run again; None if it can't be read now."""
        try:
            return await self._emporix.get_job(await self._connection(run), run.job_id)
        except (EmporixError, NotConnected) as error:
            logger.warning("the job that was run again could not be read: %s", error.template)
            return None

    async def _connection(self, run: Run) -> Connection:
        return require_connection(await self._accounts.load(run.caller), run.tenant)

    async def mark_shown(self, run: Run) -> None:
        """Record that the user knows that the outcome is unknown, if Redis answers."""
        with suppress(StoreUnavailable, Busy):
            await self._change(run, lambda current: replace(current, is_shown=True))

    async def settle(self, run: Run) -> Run:
        """Record that nothing is left to do, so that the next attempt can begin."""
        return await self._change(run, lambda current: replace(current, is_settled=True))

    async def _change(self, run: Run, how: Callable[[Run], Run]) -> Run:
        """Change an attempt; one that was replaced or deleted meanwhile stays as it is."""

        def changed(current: Run | None) -> Run | None:
            is_same = current is not None and current.session_id == run.session_id
            return how(current) if current is not None and is_same else None

        saved = await self._store.update(_id(run), self._clock(), changed)
        return saved if saved and saved.session_id == run.session_id else how(run)


RESULTS = {"started": DONE, "not_found": "run_not_found", "unchecked": "run_unchecked"}
"""The results of attempts in the audit log, by state; those of refused ones are errors."""


def _id(run: Run) -> str:
    return run_id(run.caller, run.tenant, run.job_id)
