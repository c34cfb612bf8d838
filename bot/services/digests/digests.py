"""The digests of channels: set up, found by name, paused and resumed, handed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.domain.accounts import Account, Caller
from bot.domain.digests import Digest
from bot.domain.times import Clock
from bot.errors import InvalidInput, NoSuchDigest, OutdatedButton
from bot.services.accounts import run_as
from bot.services.digests import lifecycle
from bot.store.digests import DigestStore, NameTaken, normalize_name

NOT_CONNECTED = "not_connected"
MAX_DIGEST_SAVE_ATTEMPTS = 8

Change = Callable[[Digest], Digest]


@dataclass(frozen=True, slots=True)
class DigestChange:
    """What a person has done to a digest: as it was `before`, and as it is now."""

    before: Digest
    digest: Digest


class DigestService:
    """Digests. Every method raises StoreUnavailable where Redis does not answer.

    Whatever starts, resumes or changes a digest makes the person who does so its owner: it runs on
    their connection, or the method raises NotConnected. Everyone may pause and delete.
    """

    def __init__(self, store: DigestStore, clock: Clock, new_id: Callable[[], str]) -> None:
        self._store, self._clock, self._new_id = store, clock, new_id

    async def create(self, account: Account, digest: Digest) -> Digest:
        """Keep a new digest; its id and its first run are found here.

        Raises InvalidInput where its channel has one of that name, and LimitReached.
        """
        now = self._clock()
        new = replace(run_as(account, digest), id=self._new_id(), created_at=now, checked_at=now)
        saved = await self._save(lifecycle.start(new, now), None)
        if saved is None:  # an id is never given twice
            raise OutdatedButton("/emporix digest")
        return saved

    async def change(self, digest_id: str, account: Account, wanted: Digest) -> DigestChange:
        """Give a digest the name, the schedule and so on of `wanted`; it starts over with them.

        Raises InvalidInput as `create` does, and OutdatedButton where it is gone.
        """
        now, owner = self._clock(), run_as(account, wanted).owner

        def change(digest: Digest) -> Digest:
            changed = replace(
                digest,
                owner=owner,
                channel_id=wanted.channel_id,
                name=wanted.name,
                schedule=wanted.schedule,
                tenant=wanted.tenant,
                query=wanted.query,
                filters=wanted.filters,
                post_when_empty=wanted.post_when_empty,
                chart=wanted.chart,
                checked_at=now,
            )
            return lifecycle.start(changed, now)

        return await self._update_existing(digest_id, account.caller, change)

    async def of_owner_elsewhere(self, caller: Caller, channel_id: str) -> tuple[Digest, ...]:
        """Those that run on the caller's connections in other channels, oldest first."""
        theirs = await self._store.of_owner(caller)
        return tuple(digest for digest in theirs if digest.channel_id != channel_id)

    async def find_by_name(self, caller: Caller, channel_id: str, name: str) -> Digest:
        """The digest of that name in a channel; without a name, the only one.

        Raises NoSuchDigest, with the names that there are.
        """
        there = await self._store.of_channel(caller.team_id, channel_id)
        wanted = normalize_name(name)
        found = [digest for digest in there if not wanted or normalize_name(digest.name) == wanted]
        if len(found) != 1:
            raise NoSuchDigest(name, tuple(digest.name for digest in there))
        return found[0]

    async def get(self, digest_id: str, caller: Caller) -> Digest:
        """The digest of that id; raises OutdatedButton if it was deleted."""
        return _of_workspace(await self._store.load(digest_id), caller)

    async def pause(self, digest_id: str, caller: Caller) -> DigestChange:
        """Open to everyone in the channel; the notice there names who did it."""
        now = self._clock()
        return await self._update_existing(
            digest_id,
            caller,
            lambda digest: lifecycle.pause(digest, "somebody", now, by=caller.user_id),
        )

    async def resume(self, digest_id: str, account: Account) -> DigestChange:
        """Let it run, on the connection of the person who resumes it or takes it over."""
        now = self._clock()
        return await self._update_existing(
            digest_id, account.caller, lambda digest: lifecycle.start(run_as(account, digest), now)
        )

    async def post_now(self, digest_id: str, account: Account) -> DigestChange:
        """Let the next worker post it; raises OutdatedButton and LimitReached."""
        now = self._clock()
        return await self._update_existing(
            digest_id,
            account.caller,
            lambda digest: lifecycle.request_run(run_as(account, digest), now),
            posts_now=True,
        )

    async def delete(self, digest_id: str, caller: Caller) -> Digest:
        """Forget it; raises OutdatedButton where that is done already."""
        for _ in range(MAX_DIGEST_SAVE_ATTEMPTS):
            digest = await self.get(digest_id, caller)
            if await self._store.delete(digest):
                return digest
        raise OutdatedButton("/emporix digest list")

    async def pause_disconnected(self, caller: Caller, tenant: str) -> tuple[Digest, ...]:
        """Pause the digests that run on a connection that is gone; gives those that ran."""
        theirs = await self._store.of_owner(caller)
        running = [one for one in theirs if one.tenant == tenant and not one.paused]
        now = self._clock()
        for digest in running:
            await self.update(digest, lambda one: lifecycle.pause(one, NOT_CONNECTED, now))
        return tuple(running)

    async def update(self, digest: Digest, change: Change) -> DigestChange | None:
        """Change a digest that was read before; None if it was deleted meanwhile."""
        return await self._update(digest.id, change, digest)

    async def _update_existing(
        self, digest_id: str, caller: Caller, change: Change, *, posts_now: bool = False
    ) -> DigestChange:
        """Raises OutdatedButton where it is gone, or of another workspace."""

        def checked(digest: Digest) -> Digest:
            _of_workspace(digest, caller)
            return change(digest)

        changed = await self._update(digest_id, checked, posts_now=posts_now)
        if changed is None:
            raise OutdatedButton("/emporix digest list")
        return changed

    async def _update(
        self,
        digest_id: str,
        change: Change,
        known: Digest | None = None,
        *,
        posts_now: bool = False,
    ) -> DigestChange | None:
        """Read, unless it is `known`, and again if it was changed meanwhile; None if it is gone."""
        for _ in range(MAX_DIGEST_SAVE_ATTEMPTS):
            before = known or await self._store.load(digest_id)
            if before is None:
                return None
            if saved := await self._save(change(before), before, posts_now=posts_now):
                return DigestChange(before, saved)
            known = None
        raise OutdatedButton("/emporix digest list")

    async def _save(
        self, digest: Digest, before: Digest | None, *, posts_now: bool = False
    ) -> Digest | None:
        try:
            return await self._store.save(digest, before, posts_now=posts_now)
        except NameTaken as error:
            raise InvalidInput(
                "The channel has a digest of that name", digest.name, "Give it another name."
            ) from error


def _of_workspace(digest: Digest | None, caller: Caller) -> Digest:
    if digest is None or digest.owner.team_id != caller.team_id:
        raise OutdatedButton("/emporix digest list")
    return digest
