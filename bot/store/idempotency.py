"""Claims that prevent requests, deletes, shares and scheduled messages from repeating."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from redis.exceptions import NoScriptError

from bot.domain.accounts import Account, Caller
from bot.domain.jobs import DeletedJob
from bot.domain.lists import ListCursor
from bot.domain.records import InvalidRecord, Serializer
from bot.errors import StoreUnavailable
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore
from bot.store.connection import REDIS_NOW, Commands, translate_redis_errors
from bot.store.locks import Locks, new_holder
from bot.store.rate_limits import SECONDS_PER_CHANNEL_MESSAGE, rate_limit_keys
from bot.store.ui_state import read_cursor

POST_CLAIM_SECONDS = 20.0
"""Longer than a history search plus a post takes."""

POST_TTL_SECONDS = 2 * 24 * 60 * 60
"""Longer than the app retries any post."""

POST_SENT, POST_UNKNOWN = "sent:", "unknown"

# One script checks everything atomically: the claim is free or still ours, the channel's rate limit
# allows another message, and Slack hasn't requested a pause.
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
    """The result of claiming a message; `step` is the caller's next step.

    post: send the message now. unknown: search the history for it first. wait: wait `seconds` for
    the rate limit of the channel or workspace. busy: another worker holds the claim for `seconds`.
    sent: do nothing; `ts` is the timestamp of the message.
    """

    step: Literal["post", "unknown", "wait", "busy", "sent"]
    ts: str = ""
    seconds: float = 0.0


class IdempotencyClaims:
    """Claims for posts, by name. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis
        self._claim = redis.register_script(CLAIM_POST)
        self._end = redis.register_script(END_POST_CLAIM)

    async def find_sent(self, name: str) -> Claim | None:
        """Return the claim for a message that was sent; None if it wasn't, or isn't known to be."""
        with translate_redis_errors():
            found = await self._redis.get(redis_keys.message(name)) or ""
        return Claim("sent", found.removeprefix(POST_SENT)) if found.startswith(POST_SENT) else None

    async def may_be_sent(self, name: str) -> bool:
        """Whether a message was sent, or an attempt to send it may have had an effect."""
        with translate_redis_errors():
            return await self._redis.get(redis_keys.message(name)) is not None

    async def claim(
        self,
        name: str,
        token: str,
        channel: tuple[str, str] | None = None,
        *,
        history_searched: bool = False,
    ) -> Claim:
        """Acquire or renew the claim for POST_CLAIM_SECONDS; `token` identifies its holder.

        `channel` is a team id and a channel id; if given, the message counts towards their rate
        limits.
        `history_searched` means that the holder has searched the history since its first claim and
        didn't find the message.
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
        """Release the claim for a message that definitely wasn't posted, so it can be retried."""
        await self._end_claim(name, token, "")

    async def mark_unknown(self, name: str, token: str) -> None:
        """Release a claim whose outcome is unknown: the next attempt searches the history."""
        await self._end_claim(name, token, POST_UNKNOWN)

    async def give_up(self, name: str, token: str) -> None:
        """Stop retrying a message, although it remains unknown whether it was posted."""
        await self._end_claim(name, token, POST_SENT)

    async def mark_sent(self, name: str, ts: str) -> None:
        """Record that the message was posted, even if another worker holds the claim now."""
        with translate_redis_errors():
            await self._redis.set(redis_keys.message(name), POST_SENT + ts, ex=POST_TTL_SECONDS)

    async def _end_claim(self, name: str, token: str, value: str) -> None:
        with translate_redis_errors():
            await self._end(keys=[redis_keys.message(name)], args=[token, value, POST_TTL_SECONDS])


DELIVERY_TTL_SECONDS = 10 * 60  # if Slack repeats a delivery, it does so within minutes

DELIVERY_TIMEOUT_SECONDS = 0.9
"""Time limit for the whole exchange with Redis, including Sentinel lookups."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The caller's account, and the list whose button they clicked (None if there is none)."""

    account: Account
    cursor: ListCursor | None


# A script takes redis-py less time than its commands in a pipeline. An empty reference claims
# nothing. All keys are those of one user: on a cluster, a script can't use keys in several slots.
CLAIM_DELIVERY = """
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) end
return {redis.call('GET', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('GET', KEYS[3])}
"""


class Deliveries:
    """Deduplicates requests from Slack."""

    def __init__(
        self,
        redis: Commands,
        accounts: AccountStore,
        timeout_seconds: float = DELIVERY_TIMEOUT_SECONDS,
    ) -> None:
        self._redis, self._accounts, self._timeout = redis, accounts, timeout_seconds
        self._claim = redis.register_script(CLAIM_DELIVERY)

    async def claim_delivery(
        self,
        caller: Caller,
        delivery: str,
        reference: str,
        cursor_id: str = "",
        cursor_owner: str = "",
        *,
        by_person: bool = True,
    ) -> Delivery | None:
        """Return the caller's account and cursor, or None if the request is a duplicate.

        `cursor_owner` is the `owner` in `ListStore.load`.

        `reference` identifies this request: if the Redis client repeats the call because a reply
        was lost, it finds its own reference, and the delivery still counts as new. An empty
        `delivery` is always new. `by_person` means that a person made the request, so the app is
        installed in their workspace. Takes one round trip. Raises StoreUnavailable.
        """
        asked_of = replace(caller, user_id=cursor_owner) if cursor_owner else caller
        cursor_key, team_id = redis_keys.cursor(asked_of, cursor_id), caller.team_id
        keys = [
            redis_keys.delivery(caller, delivery),
            redis_keys.account(caller),
            redis_keys.time_zone(caller),
        ]
        args: list[str | int] = [reference if delivery else "", DELIVERY_TTL_SECONDS]
        with translate_redis_errors():
            async with asyncio.timeout(self._timeout):
                found = await self._ask(keys, args, cursor_key, team_id if by_person else "")
        (holder, pairs, zone), cursor = found
        fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
        if delivery and holder != reference:
            return None
        account = replace(self._accounts.read(caller, fields), time_zone=zone or "")
        return Delivery(account, read_cursor(cursor_id, asked_of, cursor, caller))

    async def _ask(self, keys: list[str], args: list[str | int], cursor: str, team_id: str) -> Any:
        """Run the script, read the cursor at a key, and resume a workspace unless it is "".

        Returns the result of the script and the cursor. Loads the script if Redis has lost it.
        """

        async def ask() -> Any:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.evalsha(self._claim.sha, len(keys), *keys, *args)
                pipe.get(cursor)
                if team_id:
                    pipe.zrem(redis_keys.stopped_teams(), team_id)
                return (await pipe.execute())[:2]

        try:
            return await ask()
        except NoScriptError:
            await self._redis.script_load(CLAIM_DELIVERY)
            return await ask()


logger = logging.getLogger(__name__)

DELETION_TTL_SECONDS = 24 * 60 * 60
DELETE_LOCK_SECONDS = 3.0
DELETE_LOCK_WAIT_SECONDS = 8.0
ONCE_CLAIM_SECONDS = 20.0

ONCE_DONE = "done"
OnceStep = Literal["new", "busy", "done"]
"""How to handle a one-time action: do it, wait for another process, or skip it."""


DELETED_JOB_SERIALIZER = Serializer(DeletedJob)


class Deletions:
    """Deletions shown in channels. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis, self._locks = redis, Locks(redis)

    async def save(self, caller: Caller, deleted: DeletedJob) -> DeletedJob:
        """Store a deletion; return the stored one, which keeps the user who deleted the job."""
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
        """Return the recorded deletions of these jobs (tenant and id) in the workspace."""
        keys = [redis_keys.deletion(caller, tenant, job_id) for tenant, job_id in jobs]
        with translate_redis_errors():
            records = await self._redis.mget(keys) if keys else []
        found = filter(None, map(_read_deleted_job, records))
        return {(deleted.tenant, deleted.job_id): deleted for deleted in found}

    def lock(self, caller: Caller, name: str) -> AbstractAsyncContextManager[bool]:
        """Lock `name` in a workspace; after waiting for 8 s, the block runs without the lock.

        The context manager yields whether the lock was acquired.
        """
        return self._locks.lock(
            redis_keys.workspace_lock(caller, name), DELETE_LOCK_SECONDS, DELETE_LOCK_WAIT_SECONDS
        )

    @asynccontextmanager
    async def once(self, caller: Caller, name: str) -> AsyncIterator[OnceStep]:
        """Yield `new` to the first caller, which must do `name`; to others `busy`, then `done`.

        `done` lasts for a day. If the block fails, the next caller gets `new`. If its process is
        killed, this takes up to 20 s.
        """
        key, holder = redis_keys.once(caller, name), new_holder()
        if found := await self._locks.acquire(key, holder, ONCE_CLAIM_SECONDS):
            yield "done" if found == ONCE_DONE else "busy"
            return
        try:
            async with self._locks.keep_renewed(key, holder, ONCE_CLAIM_SECONDS):
                yield "new"
        except BaseException:
            with suppress(StoreUnavailable):  # the claim expires by itself
                await self._locks.release(key, holder)
            raise
        await self._mark_done(key)

    async def _mark_done(self, key: str) -> None:
        """Mark an action as done; it counts as done even if this fails."""
        try:
            with translate_redis_errors():
                await self._redis.set(key, ONCE_DONE, ex=DELETION_TTL_SECONDS)
        except StoreUnavailable as error:
            logger.warning("could not record that a one-time action is done: %s", error)


def _read_deleted_job(record: str | None) -> DeletedJob | None:
    try:
        return DELETED_JOB_SERIALIZER.read(record) if record else None
    except InvalidRecord as error:
        logger.warning("could not read a stored delete: %s", error)
        return None
