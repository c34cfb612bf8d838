"""Finds and deletes all data in Redis that contains a user or workspace id, even if encrypted.

It scans every key instead of a list of known keys, so that new kinds of keys are also covered.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.domain.accounts import OWNER_GONE, Caller
from bot.store import keys as redis_keys
from bot.store.audit import rewrite
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import REPLACE_IF_UNCHANGED, Cipher, DecryptionError, build_aad

ERASURE_BATCH_SIZE = 500
MAX_ERASURE_ROUNDS = 5
"""The app may write data during an erasure; the next round finds it."""

ENCRYPTED_TEXT = re.compile(r"1\.[0-9a-f]{8}\.[\w=-]+")
RECORD_KEY = re.compile(rf"{re.escape(redis_keys.SCHEDULED)}:(digest|alert|cleanup|run):([^:]+)")
AUDIT_KEY = re.compile(rf"{re.escape(redis_keys.PREFIX)}:\{{([^:}}]*):([^:}}]*)\}}:audit")
SAQ_PREFIX = "saq:"

Action = Literal["delete", "remove", "blank", "pseudonym"]


@dataclass(frozen=True, slots=True)
class ErasureSubject:
    """A workspace, or one of its users if `user_id` is given."""

    team_id: str
    user_id: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the id as a whole word: Slack ids consist of capital letters and digits."""
        return _whole_word(self.user_id or self.team_id)

    def owns(self, facts: Any) -> bool:
        """Whether a decoded record belongs to the subject."""
        owner = (facts.get("owner") or facts.get("caller")) if isinstance(facts, dict) else None
        if not isinstance(owner, dict) or owner.get("team_id") != self.team_id:
            return False
        return self.user_id in ("", owner.get("user_id"))


@dataclass(frozen=True, slots=True)
class Trace:
    """An action to erase a key, or one of its members or fields.

    `blank` replaces `old_value`, which contains the id among other data, with `new_value`: without
    the id, and without the user's reasons for pauses.
    `pseudonym` replaces the id in the audit log.
    """

    action: Action
    key: str
    member: str = ""
    old_value: str = field(default="", repr=False)
    new_value: str = field(default="", repr=False)


@dataclass(slots=True)
class ErasureScan:
    """The `traces` of a subject, and the number of encrypted values that can't be decrypted.

    `record_ids` are the ids of the subject's digests, alerts, clean-ups and runs.
    """

    traces: list[Trace] = field(default_factory=list)
    record_ids: set[str] = field(default_factory=set)
    unreadable: int = 0

    @property
    def counts(self) -> Counter[str]:
        """The number of traces by action."""
        return Counter(trace.action for trace in self.traces)


class Erasure:
    """Finds and erases traces. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands, cipher: Cipher) -> None:
        self._redis, self._cipher = redis, cipher
        self._replace_if_unchanged = redis.register_script(REPLACE_IF_UNCHANGED)

    async def find(self, subject: ErasureSubject) -> ErasureScan:
        """Find all traces of a user or a workspace; changes nothing."""
        found = ErasureScan()
        async for key, kind, value in self._all():
            if _key_names(subject, key):
                self._note_owned(subject, key, value, found)
                found.traces.append(Trace("delete", key))
            else:
                self._find_in_value(subject, key, kind, value, found)
        if found.record_ids:
            known = {trace.key for trace in found.traces if trace.action == "delete"}
            found.traces += await self._traces_of_records(found.record_ids, known)
        return found

    async def erase(self, subject: ErasureSubject) -> ErasureScan:
        """Delete all traces; return the result of the first scan.

        A user remains in the audit log under a pseudonym. A workspace's audit log is deleted.
        """
        first = found = await self.find(subject)
        for _ in range(MAX_ERASURE_ROUNDS):
            if not found.traces:
                break
            await self._delete(subject, found.traces)
            found = await self.find(subject)
        return first

    async def erase_abandoned(self, before: float) -> int:
        """Delete records paused before `before` because their owner left; return how many.

        `before` is in seconds since 1970.
        """
        found = ErasureScan()
        async for key, kind, value in self._all():
            owned = RECORD_KEY.fullmatch(key)
            if owned and kind == "hash" and _is_abandoned(self._facts(key, value), before):
                found.record_ids.add(owned[2])
        if found.record_ids:
            traces = await self._traces_of_records(found.record_ids, set())
            await self._delete(ErasureSubject(""), traces)
        return len(found.record_ids)

    def _find_in_value(
        self, subject: ErasureSubject, key: str, kind: str, value: Any, found: ErasureScan
    ) -> None:
        """Find traces in the value of a key whose name doesn't identify its owner."""
        owned = RECORD_KEY.fullmatch(key)
        if owned and kind == "hash" and subject.owns(self._facts(key, value)):
            found.record_ids.add(owned[2])
            return
        if AUDIT_KEY.fullmatch(key):
            if subject.user_id and subject.pattern.search(json.dumps(value)):
                found.traces.append(Trace("pseudonym", key))
            return
        for name, text in _members_and_texts(kind, value):
            if subject.pattern.search(name):
                found.traces.append(Trace("remove", key, name))
            elif text and (trace := self._in_value(subject, key, name, text, found)):
                found.traces.append(trace)

    def _in_value(
        self, subject: ErasureSubject, key: str, name: str, text: str, found: ErasureScan
    ) -> Trace | None:
        is_encrypted = bool(ENCRYPTED_TEXT.fullmatch(text))
        try:
            clear = self._cipher.decrypt(text, build_aad(key, name)) if is_encrypted else text
        except DecryptionError:
            found.unreadable += 1
            return None
        if not subject.pattern.search(clear):
            return None
        if not subject.user_id or key.startswith(SAQ_PREFIX):
            return Trace("remove", key, name) if name else Trace("delete", key)
        blank = subject.pattern.sub("", _without_reasons(subject, clear))
        new = self._cipher.encrypt(blank, build_aad(key, name)) if is_encrypted else blank
        return Trace("blank", key, name, text, new)

    def _note_owned(
        self, subject: ErasureSubject, key: str, value: Any, found: ErasureScan
    ) -> None:
        """Add the id of a user's active clean-up, which is the value of its key, to `found`."""
        if key.startswith(f"{redis_keys.SCHEDULED}:cleanups:active:") and isinstance(value, str):
            found.record_ids.add(value)

    def _facts(self, key: str, value: Any) -> Any:
        """Decode the record in a hash; None if it can't be decrypted or parsed."""
        try:
            return json.loads(
                self._cipher.decrypt(value.get("record", ""), build_aad(key, "record"))
            )
        except (DecryptionError, ValueError):
            return None

    async def _traces_of_records(self, record_ids: set[str], known: set[str]) -> list[Trace]:
        """Find the keys of these records, and references to their ids elsewhere.

        The keys in `known` are skipped, because they are deleted anyway.
        """
        traces = []
        pattern = _whole_word("|".join(map(re.escape, sorted(record_ids))))
        async for key, kind, value in self._all():
            if key in known:
                continue
            if pattern.search(key):
                traces.append(Trace("delete", key))
                continue
            names = (name for name, _ in _members_and_texts(kind, value) if pattern.search(name))
            traces += [Trace("remove", key, name) for name in names]
        return traces

    async def _delete(self, subject: ErasureSubject, traces: Iterable[Trace]) -> None:
        """Delete traces, index entries first so that no worker starts a task in the meantime."""
        order: Mapping[str, int] = {"remove": 0, "blank": 1, "delete": 2, "pseudonym": 3}
        for trace in sorted(traces, key=lambda one: order[one.action]):
            with translate_redis_errors():
                await self._apply(subject, trace)

    async def _apply(self, subject: ErasureSubject, trace: Trace) -> None:
        match trace.action:
            case "delete":
                await self._redis.delete(trace.key)
            case "blank":
                args = [trace.member, trace.old_value, trace.new_value]
                await self._replace_if_unchanged(keys=[trace.key], args=args)
            case "pseudonym":
                name = self._cipher.pseudonym(f"{subject.team_id}:{subject.user_id}")
                copy = redis_keys.audit_copy(_workspace_of(trace.key))
                await rewrite(self._redis, trace.key, copy, subject.pattern, name)
            case "remove":
                await self._remove(trace)

    async def _remove(self, trace: Trace) -> None:
        match await self._redis.type(trace.key):
            case "hash":
                await self._redis.hdel(trace.key, trace.member)
            case "set":
                await self._redis.srem(trace.key, trace.member)
            case "zset":
                await self._redis.zrem(trace.key, trace.member)
            case "list":
                await self._redis.lrem(trace.key, 0, trace.member)

    async def _all(self) -> AsyncIterator[tuple[str, str, Any]]:
        """Iterate over all keys of the app with their types and values."""
        for pattern in (f"{redis_keys.PREFIX}:*", f"{SAQ_PREFIX}*{redis_keys.TASK_PREFIX}*"):
            cursor = -1
            while cursor != 0:
                with translate_redis_errors():
                    cursor, keys = await self._redis.scan(
                        max(cursor, 0), pattern, ERASURE_BATCH_SIZE
                    )
                    found = await self._read(keys)
                for one in found:
                    yield one

    async def _read(self, keys: list[str]) -> list[tuple[str, str, Any]]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.type(key)
            kinds = await pipe.execute() if keys else []
            there = [
                (key, kind) for key, kind in zip(keys, kinds, strict=True) if kind in READ_COMMANDS
            ]
            for key, kind in there:
                command, *more = READ_COMMANDS[kind]
                pipe.execute_command(command, key, *more)
            values = await pipe.execute(raise_on_error=False) if there else []
        return [
            (key, kind, value)
            for (key, kind), value in zip(there, values, strict=True)
            if value and not isinstance(value, Exception)
        ]


READ_COMMANDS = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1),
    "list": ("LRANGE", 0, -1),
    "stream": ("XRANGE", "-", "+"),
}


def _members_and_texts(kind: str, value: Any) -> Iterable[tuple[str, str]]:
    """Return the members or fields of a value with their texts; a string has the name ""."""
    if kind == "hash":
        return list(value.items())
    if kind == "string":
        return [("", value)]
    return [(member, "") for member in value] if kind in ("set", "zset", "list") else []


def _without_reasons(subject: ErasureSubject, text: str) -> str:
    """Empty the reasons that the subject typed for pauses in a record, which keeps the rest."""
    try:
        facts = json.loads(text)
    except ValueError:
        return text
    _empty_reasons(subject, facts)
    return json.dumps(facts, ensure_ascii=False)


def _empty_reasons(subject: ErasureSubject, facts: Any) -> None:
    if isinstance(facts, dict):
        if "reason" in facts and subject.owns(facts):
            facts["reason"] = ""
        for value in facts.values():
            _empty_reasons(subject, value)
    elif isinstance(facts, list):
        for value in facts:
            _empty_reasons(subject, value)


def _workspace_of(audit_key: str) -> Caller:
    enterprise_id, team_id = AUDIT_KEY.fullmatch(audit_key).groups()  # type: ignore[union-attr]
    return Caller(team_id, "", enterprise_id)


def _key_names(subject: ErasureSubject, key: str) -> bool:
    """Whether the name of a key identifies the subject."""
    words = set(re.split(r"[^A-Z0-9a-z]+", key))
    return {subject.team_id, subject.user_id or subject.team_id} <= words


def _is_abandoned(facts: Any, before: float) -> bool:
    if not isinstance(facts, dict) or facts.get("paused") != OWNER_GONE:
        return False
    return 0 < (facts.get("paused_at") or 0) < before


def _whole_word(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])")
