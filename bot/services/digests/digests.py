"""The digests of channels: create, change, find, pause, resume and delete."""

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
    """The states of a digest `before` and after a change."""

    before: Digest
    digest: Digest


class DigestService:
    """The digests of channels. Every method raises StoreUnavailable if Redis does not answer.

    A user who starts, resumes or changes a digest becomes its owner, because it runs on
    their connection; without one, the method raises NotConnected. Everyone may pause or delete it.
    """

    def __init__(self, store: DigestStore, clock: Clock, new_id: Callable[[], str]) -> None:
        self._store, self._clock, self._new_id = store, clock, new_id

    async def create(self, account: Account, digest: Digest) -> Digest:
        """Save a new digest with an id and its first run.

        Raises InvalidInput if its channel has a digest with that name, and LimitReached.
        """
        now = self._clock()
        new = replace(run_as(account, digest), id=self._new_id(), created_at=now, checked_at=now)
        saved = await self._save(lifecycle.start(new, now), None)
        if saved is None:  # ids are never reused
            raise OutdatedButton("/emporix digest")
        return saved

    async def change(self, digest_id: str, account: Account, wanted: Digest) -> DigestChange:
        """Apply the settings of `wanted` to a digest, and schedule its next run.

        Raises InvalidInput as `create` does, and OutdatedButton if it was deleted.
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
        """The digests on the caller's connections in other channels, oldest first."""
        owned = await self._store.of_owner(caller)
        return tuple(digest for digest in owned if digest.channel_id != channel_id)

    async def find_by_name(self, caller: Caller, channel_id: str, name: str) -> Digest:
        """The digest with that name in a channel, or the only one if `name` is "".

        Raises NoSuchDigest, with the existing names.
        """
        existing = await self._store.of_channel(caller.team_id, channel_id)
        wanted = normalize_name(name)
        found = [
            digest for digest in existing if not wanted or normalize_name(digest.name) == wanted
        ]
        if len(found) != 1:
            raise NoSuchDigest(name, tuple(digest.name for digest in existing))
        return found[0]

    async def get(self, digest_id: str, caller: Caller) -> Digest:
        """The digest with that id; raises OutdatedButton if it was deleted."""
        return _of_workspace(await self._store.load(digest_id), caller)

    async def pause(self, digest_id: str, caller: Caller) -> DigestChange:
        """Pause a digest. Everyone may do this; the notice in the channel names the user."""
        now = self._clock()
        return await self._update_existing(
            digest_id,
            caller,
            lambda digest: lifecycle.pause(digest, "by_hand", now, by=caller.user_id),
        )

    async def resume(self, digest_id: str, account: Account) -> DigestChange:
        """Resume a digest or take it over; it then runs on the connection of `account`."""
        now = self._clock()
        return await self._update_existing(
            digest_id, account.caller, lambda digest: lifecycle.start(run_as(account, digest), now)
        )

    async def post_now(self, digest_id: str, account: Account) -> DigestChange:
        """Ask a worker to post a digest now; raises OutdatedButton and LimitReached."""
        now = self._clock()
        return await self._update_existing(
            digest_id,
            account.caller,
            lambda digest: lifecycle.request_run(run_as(account, digest), now),
            posts_now=True,
        )

    async def delete(self, digest_id: str, caller: Caller) -> Digest:
        """Delete a digest; raises OutdatedButton if it was already deleted."""
        for _ in range(MAX_DIGEST_SAVE_ATTEMPTS):
            digest = await self.get(digest_id, caller)
            if await self._store.delete(digest):
                return digest
        raise OutdatedButton("/emporix digest list")

    async def pause_disconnected(self, caller: Caller, tenant: str) -> tuple[Digest, ...]:
        """Pause the digests of a deleted connection; returns those that were running."""
        owned = await self._store.of_owner(caller)
        running = [one for one in owned if one.tenant == tenant and not one.paused]
        now = self._clock()
        for digest in running:
            await self.update(digest, lambda one: lifecycle.pause(one, NOT_CONNECTED, now))
        return tuple(running)

    async def update(self, digest: Digest, change: Change) -> DigestChange | None:
        """Change a digest that has already been read; None if it was deleted."""
        return await self._update(digest.id, change, digest)

    async def _update_existing(
        self, digest_id: str, caller: Caller, change: Change, *, posts_now: bool = False
    ) -> DigestChange:
        """Raises OutdatedButton if the digest is gone, or belongs to another workspace."""

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
        """Change a digest, and retry after concurrent changes; None if it is gone."""
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
                "The channel already has a digest with that name",
                digest.name,
                "Choose another name.",
            ) from error


def _of_workspace(digest: Digest | None, caller: Caller) -> Digest:
    if digest is None or digest.owner.team_id != caller.team_id:
        raise OutdatedButton("/emporix digest list")
    return digest
