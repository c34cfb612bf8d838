"""Claims that make requests, deletes, shares and scheduled messages happen once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Literal

from bot.domain.accounts import Account, Caller
from bot.domain.jobs import DeletedJob
from bot.domain.lists import ListCursor
from bot.domain.records import InvalidRecord, Serializer
from bot.errors import StoreUnavailable
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore
from bot.store.connection import REDIS_NOW, Commands, translate_redis_errors
from bot.store.lists import read_cursor
from bot.store.locks import Locks, new_holder
from bot.store.rate_limits import SECONDS_PER_CHANNEL_MESSAGE, rate_limit_keys

POST_CLAIM_SECONDS = 20.0
"""Longer than a search of the history and a post take together."""

POST_TTL_SECONDS = 2 * 24 * 60 * 60
"""Longer than any post is retried."""

POST_SENT, POST_UNKNOWN = "sent:", "unknown"

# One script decides, so that nothing can happen between the checks: the claim is free or still
# ours, the channel may have another message, and Slack has not asked for a pause.
CLAIM_POST = f"""
local found = redis.call('GET', KEYS[1])
if found and string.sub(found, 1, 5) == 'sent:' then return {{'sent', string.sub(found, 6)}} end
{REDIS_NOW}
local ends, token = string.match(found or '', '^claim:([%d.]+):(.+)$')
local ours = token == ARGV[1]
if ends and not ours and tonumber(ends) > now then return {{'busy', tostring(ends - now)}} end
local is_unknown = found and not (ours and ARGV[2] == 'searched')
if KEYS[2] and not is_unknown then
    local last, paused = unpack(redis.call('HMGET', KEYS[2], 'last', 'paused_until'))
    local all_paused = redis.call('HGET', KEYS[3], 'paused_until')
    local from = math.max((last or 0) + ARGV[5], paused or 0, all_paused or 0)
    if from - now > 0.001 then return {{'wait', tostring(from - now)}} end
    redis.call('HSET', KEYS[2], 'last', string.format('%.6f', now))
    redis.call('PEXPIRE', KEYS[2], 3600000)
end
local claim = string.format('claim:%.6f:%s', now + ARGV[3], ARGV[1])
redis.call('SET', KEYS[1], claim, 'EX', ARGV[4])
return {{is_unknown and 'unknown' or 'post', ''}}
"""

# Only the holder of a claim may end it.
END_POST_CLAIM = """
local token = string.match(redis.call('GET', KEYS[1]) or '', '^claim:[%d.]+:(.+)$')
if token ~= ARGV[1] then return end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """`step` is the next step of the caller.

    post: send the message now. unknown: search the history for it first. wait: the channel or the
    workspace may not have a message for `seconds`. busy: another worker holds the claim for
    `seconds`. sent: nothing; `ts` names the message.
    """

    step: Literal["post", "unknown", "wait", "busy", "sent"]
    ts: str = ""
    seconds: float = 0.0


class IdempotencyClaims:
    """Posts by name. Every method raises StoreUnavailable if Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis
        self._claim = redis.register_script(CLAIM_POST)
        self._end = redis.register_script(END_POST_CLAIM)

    async def find_sent(self, name: str) -> Claim | None:
        """The claim of a message that was sent; None if it was not, or if that is not known."""
        with translate_redis_errors():
            found = await self._redis.get(redis_keys.message(name)) or ""
        return Claim("sent", found.removeprefix(POST_SENT)) if found.startswith(POST_SENT) else None

    async def claim(
        self,
        name: str,
        token: str,
        channel: tuple[str, str] | None = None,
        *,
        history_searched: bool = False,
    ) -> Claim:
        """Take or renew the claim for `POST_CLAIM_SECONDS`; `token` names its holder.

        `channel` is team and channel: the message then counts for their rate
        limits. `history_searched`: the holder
        has searched the history since its first claim, and the message is not there.
        """
        keys = [redis_keys.message(name), *(rate_limit_keys(*channel) if channel else ())]
        args = [
            token,
            "searched" if history_searched else "",
            POST_CLAIM_SECONDS,
            POST_TTL_SECONDS,
            SECONDS_PER_CHANNEL_MESSAGE,
        ]
        with translate_redis_errors():
            step, value = await self._claim(keys=keys, args=args)
        if step == "sent":
            return Claim(step, value)
        return Claim(step, seconds=float(value or 0))

    async def release(self, name: str, token: str) -> None:
        """Nothing was posted, for certain: the next attempt starts from the beginning."""
        await self._end_claim(name, token, "")

    async def mark_unknown(self, name: str, token: str) -> None:
        """The outcome is unknown: the next attempt searches the history at once."""
        await self._end_claim(name, token, POST_UNKNOWN)

    async def give_up(self, name: str, token: str) -> None:
        """The outcome stays unknown: the message is not posted again."""
        await self._end_claim(name, token, POST_SENT)

    async def mark_sent(self, name: str, ts: str) -> None:
        """The message is posted, also if another worker holds the claim now."""
        with translate_redis_errors():
            await self._redis.set(redis_keys.message(name), POST_SENT + ts, ex=POST_TTL_SECONDS)

    async def _end_claim(self, name: str, token: str, value: str) -> None:
        with translate_redis_errors():
            await self._end(keys=[redis_keys.message(name)], args=[token, value, POST_TTL_SECONDS])


DELIVERY_TTL_SECONDS = 10 * 60  # Slack repeats a delivery within minutes, if at all

DELIVERY_TIMEOUT_SECONDS = 0.9
"""For all that reaching Redis may take, Sentinels included."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Who is asking, and the list whose button they pressed: None where it is gone, or no list."""

    account: Account
    cursor: ListCursor | None


class Deliveries:
    """Takes deliveries on, once each."""

    def __init__(self, redis: Commands, accounts: AccountStore) -> None:
        self._redis, self._accounts = redis, accounts

    async def claim_delivery(
        self,
        caller: Caller,
        delivery: str,
        reference: str,
        cursor_id: str = "",
        *,
        by_person: bool = True,
    ) -> Delivery | None:
        """The caller's account and cursor, or None where another request was the same delivery.

        `reference` names this request: a client that repeats the call because the reply was lost
        finds its own reference, and the delivery is still new. An empty `delivery` is always new.
        `by_person`: a person uses the app, so it is installed in their workspace. One round trip.
        Raises StoreUnavailable.
        """
        with translate_redis_errors():
            async with (
                asyncio.timeout(DELIVERY_TIMEOUT_SECONDS),
                self._redis.pipeline(transaction=False) as pipe,
            ):
                pipe.hgetall(redis_keys.account(caller))
                pipe.get(redis_keys.cursor(caller, cursor_id))
                pipe.get(redis_keys.time_zone(caller))
                if delivery:
                    key = redis_keys.delivery(caller, delivery)
                    pipe.set(key, reference, nx=True, ex=DELIVERY_TTL_SECONDS)
                    pipe.get(key)
                if by_person:
                    pipe.zrem(redis_keys.stopped_teams(), caller.team_id)
                fields, cursor, zone, *others = await pipe.execute()
        if delivery and others[1] != reference:
            return None
        account = replace(self._accounts.read(caller, fields), time_zone=zone or "")
        return Delivery(account, read_cursor(cursor_id, caller, cursor))


logger = logging.getLogger(__name__)

DELETION_TTL_SECONDS = 24 * 60 * 60
DELETE_LOCK_SECONDS = 3.0
DELETE_LOCK_WAIT_SECONDS = 8.0
ONCE_CLAIM_SECONDS = 20.0

ONCE_DONE = "done"
OnceStep = Literal["new", "busy", "done"]
"""What to do about something that must happen once: do it, wait for another process, or nothing."""


DELETED_JOB_SERIALIZER = Serializer(DeletedJob)


class Deletions:
    """Deletes in channels. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis, self._locks = redis, Locks(redis)

    async def save(self, caller: Caller, deleted: DeletedJob) -> DeletedJob:
        """Store a delete; returns the one that counts: that of the user who deleted the job."""
        key = redis_keys.deletion(caller, deleted.tenant, deleted.job_id)
        came_late = not deleted.user_id
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(
                    key,
                    DELETED_JOB_SERIALIZER.write(deleted),
                    nx=came_late,
                    ex=DELETION_TTL_SECONDS,
                )
                pipe.get(key)
                _, record = await pipe.execute()
        return _read_deleted_job(record) or deleted

    async def load(
        self, caller: Caller, jobs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], DeletedJob]:
        """Which of these jobs (tenant and id) are remembered as deleted in the workspace."""
        keys = [redis_keys.deletion(caller, tenant, job_id) for tenant, job_id in jobs]
        with translate_redis_errors():
            records = await self._redis.mget(keys) if keys else []
        found = filter(None, map(_read_deleted_job, records))
        return {(deleted.tenant, deleted.job_id): deleted for deleted in found}

    def lock(self, caller: Caller, name: str) -> AbstractAsyncContextManager[bool]:
        """Wait until no other process of the workspace does `name`; after 8 s go on all the same.

        The block is given whether the turn was had.
        """
        return self._locks.lock(
            redis_keys.workspace_lock(caller, name), DELETE_LOCK_SECONDS, DELETE_LOCK_WAIT_SECONDS
        )

    @asynccontextmanager
    async def once(self, caller: Caller, name: str) -> AsyncIterator[OnceStep]:
        """`new` for the one who is to do `name`; `busy` while they do it, `done` for a day after.

        A failure leaves it to the next, and so does a process that was killed, after 20 s.
        """
        key, holder = redis_keys.once(caller, name), new_holder()
        if found := await self._locks.acquire(key, holder, ONCE_CLAIM_SECONDS):
            yield "done" if found == ONCE_DONE else "busy"
            return
        try:
            async with self._locks.keep_renewed(key, holder, ONCE_CLAIM_SECONDS):
                yield "new"
        except BaseException:
            with suppress(StoreUnavailable):  # it ends by itself
                await self._locks.release(key, holder)
            raise
        await self._mark_done(key)

    async def _mark_done(self, key: str) -> None:
        """It is done, whatever becomes of the memory of it."""
        try:
            with translate_redis_errors():
                await self._redis.set(key, ONCE_DONE, ex=DELETION_TTL_SECONDS)
        except StoreUnavailable as error:
            logger.warning("what was done once is not remembered: %s", error)


def _read_deleted_job(record: str | None) -> DeletedJob | None:
    try:
        return DELETED_JOB_SERIALIZER.read(record) if record else None
    except InvalidRecord as error:
        logger.warning("a stored delete cannot be read: %s", error)
        return None
