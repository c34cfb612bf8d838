"""The digests of channels: set up, found by name, paused and resumed, handed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from bot.errors import InvalidInput, NoSuchDigest, OutdatedButton
from bot.models import Account, Caller, Digest
from bot.services.accounts import connection
from bot.services.digests import course

MOST_IN_CHANNEL = 20
ATTEMPTS = 8

Change = Callable[[Digest], Digest]


class Keeps(Protocol):
    """Where digests are kept."""

    async def load(self, digest_id: str) -> Digest | None: ...
    async def save(self, digest: Digest, before: Digest | None = None) -> Digest | None: ...
    async def delete(self, digest: Digest) -> None: ...
    async def of_channel(self, team_id: str, channel_id: str) -> tuple[Digest, ...]: ...
    async def of_owner(self, caller: Caller) -> tuple[Digest, ...]: ...
    async def claim_due(self, now: float, most: int) -> list[str]: ...


class Digests:
    """Digests. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, kept: Keeps, clock: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._kept, self._clock, self._new_id = kept, clock, new_id

    async def set_up(self, digest: Digest) -> Digest:
        """Keep a new digest; its id and its first run are found here.

        Raises InvalidInput where its channel has one of that name, or as many as it may.
        """
        others = await self._kept.of_channel(digest.owner.team_id, digest.channel_id)
        if len(others) >= MOST_IN_CHANNEL:
            raise InvalidInput(
                f"The channel has {MOST_IN_CHANNEL} digests already",
                advice="Delete one before: /emporix digest list",
            )
        _refuse_twin(digest, others)
        now = self._clock()
        new = course.begun(replace(digest, id=self._new_id(), created_at=now), now)
        saved = await self._kept.save(replace(new, checked_at=now))
        if saved is None:  # an id is never given twice
            raise OutdatedButton("/emporix digest")
        return saved

    async def change(self, digest_id: str, caller: Caller, wanted: Digest) -> Digest:
        """Give a digest the name, the schedule and so on of `wanted`; it begins anew with them.

        Raises InvalidInput as `set_up` does, and OutdatedButton where it is gone.
        """
        before = await self.get(digest_id, caller)
        others = await self._kept.of_channel(caller.team_id, wanted.channel_id)
        _refuse_twin(replace(wanted, id=digest_id), others)
        now = self._clock()

        def change(digest: Digest) -> Digest:
            kept = replace(
                digest,
                owner=wanted.owner,
                channel_id=wanted.channel_id,
                name=wanted.name,
                schedule=wanted.schedule,
                tenant=wanted.tenant,
                query=wanted.query,
                filters=wanted.filters,
                even_when_quiet=wanted.even_when_quiet,
                picture=wanted.picture,
            )
            return replace(course.begun(kept, now), checked_at=now)

        return await self._changed(before.id, change)

    async def in_channel(self, caller: Caller, channel_id: str) -> tuple[Digest, ...]:
        """The digests of a channel, oldest first."""
        return await self._kept.of_channel(caller.team_id, channel_id)

    async def of_owner(self, caller: Caller) -> tuple[Digest, ...]:
        """Those that run on the caller's connections, oldest first."""
        return await self._kept.of_owner(caller)

    async def elsewhere(self, caller: Caller, channel_id: str) -> tuple[Digest, ...]:
        """Those that run on the caller's connections in other channels, oldest first."""
        theirs = await self._kept.of_owner(caller)
        return tuple(digest for digest in theirs if digest.channel_id != channel_id)

    async def named(self, caller: Caller, channel_id: str, name: str) -> Digest:
        """The digest of that name in a channel; without a name, the only one.

        Raises NoSuchDigest, with the names that there are.
        """
        there = await self.in_channel(caller, channel_id)
        wanted = _folded(name)
        found = [digest for digest in there if not wanted or _folded(digest.name) == wanted]
        if len(found) != 1:
            raise NoSuchDigest(name, tuple(digest.name for digest in there))
        return found[0]

    async def get(self, digest_id: str, caller: Caller) -> Digest:
        """The digest that a button remembers; raises OutdatedButton where it is gone."""
        digest = await self._kept.load(digest_id)
        if digest is None or digest.owner.team_id != caller.team_id:
            raise OutdatedButton("/emporix digest list")
        return digest

    async def pause(self, digest_id: str, caller: Caller, reason: str = "somebody") -> Digest:
        await self.get(digest_id, caller)
        now = self._clock()
        return await self._changed(digest_id, lambda digest: course.paused(digest, reason, now))

    async def resume(self, digest_id: str, caller: Caller) -> Digest:
        await self.get(digest_id, caller)
        now = self._clock()
        return await self._changed(digest_id, lambda digest: course.begun(digest, now))

    async def ask_now(self, digest_id: str, caller: Caller) -> Digest:
        """Let the next worker post it; raises OutdatedButton."""
        await self.get(digest_id, caller)
        now = self._clock()
        return await self._changed(digest_id, lambda digest: course.asked(digest, now))

    async def take_over(self, digest_id: str, account: Account) -> Digest:
        """Let it run on the caller's connection to its tenant; raises NotConnected."""
        digest = await self.get(digest_id, account.caller)
        connection(account, digest.tenant)
        now = self._clock()

        def change(digest: Digest) -> Digest:
            return course.begun(replace(digest, owner=account.caller), now)

        return await self._changed(digest_id, change)

    async def delete(self, digest_id: str, caller: Caller) -> Digest:
        """Forget it; raises OutdatedButton where that is done already."""
        digest = await self.get(digest_id, caller)
        await self._kept.delete(digest)
        return digest

    async def load(self, digest_id: str) -> Digest | None:
        return await self._kept.load(digest_id)

    async def settle(self, digest_id: str, change: Change) -> Digest | None:
        """What a run has made of it; None where it was deleted meanwhile."""
        try:
            return await self._changed(digest_id, change)
        except OutdatedButton:
            return None

    async def claim_due(self, most: int) -> list[str]:
        """Ids of digests that are due."""
        return await self._kept.claim_due(self._clock(), most)

    async def _changed(self, digest_id: str, change: Change) -> Digest:
        """Whoever changes it at the same time comes first, or after us."""
        for _ in range(ATTEMPTS):
            before = await self._kept.load(digest_id)
            if before is None:
                break
            if saved := await self._kept.save(change(before), before):
                return saved
        raise OutdatedButton("/emporix digest list")


def _refuse_twin(digest: Digest, others: tuple[Digest, ...]) -> None:
    for other in others:
        if other.id != digest.id and _folded(other.name) == _folded(digest.name):
            raise InvalidInput(
                "The channel has a digest of that name", digest.name, "Give it another name."
            )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split()).strip("“”\"'")
