"""Watched jobs: starting and stopping watches, polling, and detecting the end of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, bounded
from bot.domain.accounts import Account, Caller, PolledConnection, require_connection
from bot.domain.jobs import RUNNING, Job
from bot.domain.records import parse_time
from bot.domain.times import Clock
from bot.domain.watches import NO_MESSAGE, MessageRef, Watch
from bot.errors import EmporixError, InvalidInput, NotConnected
from bot.services.accounts import CONNECTION_ERRORS, MAX_CONNECTION_FAILURES
from bot.services.jobs import JobCard, JobLookup, JobsById, JobService
from bot.store.accounts import AccountStore
from bot.store.watches import WatchStore

MIN_WATCH_INTERVAL_SECONDS, MAX_WATCH_INTERVAL_SECONDS = 5.0, 120.0
"""The shortest and the longest time between two polls."""

MAX_WATCH_SECONDS = 24 * 60 * 60.0

WatchOutcome = Literal["ended", "gone", "given_up"]


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """A watch that has ended: `gone` if the job was deleted, `given_up` after MAX_WATCH_SECONDS."""

    watch: Watch
    outcome: WatchOutcome


def watch_interval(watched: float) -> float:
    """Seconds until the next poll of a job, `watched` seconds after its start.

    Each pause is half as long again as the one before.
    """
    return min(MAX_WATCH_INTERVAL_SECONDS, max(MIN_WATCH_INTERVAL_SECONDS, watched / 2))


def backoff_seconds(error: EmporixError) -> float:
    """Seconds to wait after an Emporix error."""
    return bounded(
        error.retry_after or 0.0,
        least=MAX_WATCH_INTERVAL_SECONDS / 2,
        most=MAX_EMPORIX_PAUSE_SECONDS,
    )


def next_interval(watches: Iterable[Watch], endings: Iterable[WatchEnd], now: float) -> float:
    """Seconds until the next poll of the running watches; the newest watch decides."""
    over = {ending.watch.id for ending in endings}
    pauses = [watch_interval(now - watch.since) for watch in watches if watch.id not in over]
    return min(pauses, default=MAX_WATCH_INTERVAL_SECONDS)


def ended_watches(watches: Iterable[Watch], found: JobLookup, now: float) -> Iterable[WatchEnd]:
    """The watches that have ended; a watch whose job is unknown continues."""
    for watch in watches:
        job = found.found.get(watch.job_id)
        if job and job.status != RUNNING:
            yield WatchEnd(watch, "ended")
        elif watch.job_id in found.gone:
            yield WatchEnd(watch, "gone")
        elif now - watch.since >= MAX_WATCH_SECONDS:
            yield WatchEnd(watch, "given_up")


def job_duration(job: Job) -> float | None:
    """Seconds from a job's creation to its last change; None if either is unknown."""
    created, modified = parse_time(job.created_at), parse_time(job.modified_at)
    return max(0.0, (modified - created).total_seconds()) if created and modified else None


WATCH_EXCERPT_LENGTH = 60
"""The most characters of a job's message that are stored with a watch."""

MAX_WATCHES = 50
"""Maximum number of jobs that a user can watch; one query can find this many."""


@dataclass(frozen=True, slots=True)
class StartedWatch:
    """The result of starting a watch.

    `watched` is False if the job has ended; `already` is set if it was being watched before.
    """

    card: JobCard
    watched: bool
    already: bool = False


@dataclass(frozen=True, slots=True)
class WatchCheck:
    """The result of a poll: the watches that have ended.

    `connection_error` is the template of an error that ends all watches of the connection, or "".
    """

    endings: tuple[WatchEnd, ...] = ()
    connection_error: str = ""


class WatchService:
    """The watched jobs of users. Every method raises StoreUnavailable if Redis does not answer."""

    def __init__(
        self,
        jobs: JobService,
        found: JobsById,
        store: WatchStore,
        accounts: AccountStore,
        *,
        new_watch_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._jobs, self._jobs_by_id, self._store, self._accounts = jobs, found, store, accounts
        self._connections, self._new_watch_id, self._clock = store.connections, new_watch_id, clock

    async def start(
        self, account: Account, job_id: str, tenant: str = "", place: MessageRef = NO_MESSAGE
    ) -> StartedWatch:
        """Watch a job, unless it has ended.

        Raises InvalidInput if the user watches too many jobs, NotConnected and EmporixError.
        """
        card = await self._jobs.get(account, job_id, tenant)
        if card.job.status != RUNNING:
            return StartedWatch(card, watched=False)
        now = self._clock()
        watch = Watch(
            id=self._new_watch_id(),
            owner=account.caller,
            tenant=card.tenant,
            job_id=card.job.id,
            since=now,
            channel_id=place.channel_id,
            message_ts=place.message_ts,
            shared_by=place.shared_by,
            agent=card.job.agent_name or card.job.agent_id,
            type=card.job.type,
            created_at=card.job.created_at,
            excerpt=" ".join((card.job.response or card.job.message).split())[
                :WATCH_EXCERPT_LENGTH
            ],
        )
        added = await self._store.add(watch, now + MIN_WATCH_INTERVAL_SECONDS, MAX_WATCHES)
        if added == "full":
            raise InvalidInput(
                f"You're watching {MAX_WATCHES} jobs, the maximum",
                advice="Type /emporix watches to see them, and stop watching some.",
            )
        return StartedWatch(card, watched=True, already=added == "there")

    async def stop(self, caller: Caller, tenant: str, job_id: str) -> Watch | None:
        """Stop watching a job; None if it wasn't watched. `tenant` "" means any."""
        watches = [
            watch
            for watch in await self._store.of_owner(caller, tenant)
            if watch.job_id == job_id and await self._store.remove(caller, watch.tenant, job_id)
        ]
        return next(iter(watches), None)

    async def find(self, source: PolledConnection, watch_id: str) -> Watch | None:
        """The watch with this id; None if it has ended."""
        watches = await self._store.of_owner(source.owner, source.tenant)
        return next((watch for watch in watches if watch.id == watch_id), None)

    async def end_all(self, caller: Caller, tenant: str) -> int:
        """Stop watching all jobs of a tenant; returns how many were watched."""
        watches = await self._store.of_owner(caller, tenant)
        for watch in watches:
            await self._store.remove(caller, tenant, watch.job_id)
        await self._connections.clear_failures(PolledConnection(caller, tenant))
        return len(watches)

    async def poll(self, source: PolledConnection) -> WatchCheck:
        """Look up all watched jobs of a connection, and schedule the next poll.

        An ended watch is kept until the caller removes it, so that a crash loses no message.
        """
        watches, now = await self._store.of_owner(source.owner, source.tenant), self._clock()
        if not watches:  # none, or none that this worker can decrypt
            await self._connections.schedule(source, now + MAX_WATCH_INTERVAL_SECONDS)
            return WatchCheck()
        try:
            found = await self._look_up(source, watches, now)
        except CONNECTION_ERRORS as error:
            return await self._record_failure(source, error, now)
        except EmporixError as error:
            await self._connections.schedule(source, now + backoff_seconds(error))
            return WatchCheck()
        await self._connections.clear_failures(source)
        endings = tuple(ended_watches(watches, found, now))
        await self._connections.schedule(source, now + next_interval(watches, endings, now))
        return WatchCheck(endings)

    async def _look_up(
        self, source: PolledConnection, watches: Sequence[Watch], now: float
    ) -> JobLookup:
        account = await self._accounts.load(source.owner)
        connection = require_connection(account, source.tenant)
        ids = [watch.job_id for watch in watches]
        return await self._jobs_by_id.find(
            connection, ids, first=int(now / MIN_WATCH_INTERVAL_SECONDS)
        )

    async def _record_failure(
        self, source: PolledConnection, error: NotConnected | EmporixError, now: float
    ) -> WatchCheck:
        """Report a connection error, unless it is one of the first refusals of a key."""
        failures = await self._connections.count_failure(source)
        await self._connections.schedule(source, now + MAX_WATCH_INTERVAL_SECONDS)
        is_reported = isinstance(error, NotConnected) or failures >= MAX_CONNECTION_FAILURES
        return WatchCheck(connection_error=error.template if is_reported else "")
