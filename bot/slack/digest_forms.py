"""The form of a digest: what it begins with, and how what was filled in is kept."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from bot.domain.accounts import Account, Caller
from bot.domain.digests import Digest, Schedule
from bot.domain.filters import Filters
from bot.errors import DigestRefused, EmporixError, InvalidInput, NotConnected, NotInChannel
from bot.services.accounts import AccountService, require_connection
from bot.services.digests import form
from bot.services.digests.digests import DigestService
from bot.services.digests.form import DigestDraft, FormRefused, ParsedDraft, Problems
from bot.services.filters.parser import LocalClock
from bot.services.filters.resolve import FilterResolver
from bot.slack.audit import AuditDraft
from bot.slack.conversations import DigestChannels
from bot.slack.users import CurrentUser

Result = TypeVar("Result")

FORM_FIELDS = (
    "name",
    "channel_id",
    "tenant",
    "query",
    "filters",
    "schedule",
    "post_when_empty",
    "chart",
)
"""Of a digest, what its form can change."""

FIELD_ERRORS = (InvalidInput, DigestRefused, NotConnected, NotInChannel, EmporixError)


class DigestForms:
    """Reads forms, and keeps what they say. Every method raises StoreUnavailable."""

    def __init__(
        self,
        accounts: AccountService,
        filter_resolver: FilterResolver,
        digests: DigestService,
        channels: DigestChannels,
    ) -> None:
        self._accounts, self._filter_resolver = accounts, filter_resolver
        self._digests, self._channels = digests, channels

    async def proposal(self, account: Account, clock: LocalClock, name: str = "") -> DigestDraft:
        """What a new digest would be like; raises NotConnected."""
        zone = await clock.zone()
        return DigestDraft(
            name=form.parse_name(name) if name else form.DEFAULT_NAME,
            zone=str(zone) if zone else "",
            tenant=require_connection(account).tenant,
        )

    async def proposed(self, account: Account, clock: LocalClock, channel_id: str) -> Digest:
        """A digest as it would be without a word changed; it has no id. Raises NotConnected."""
        proposal = await self.proposal(account, clock)
        schedule = Schedule(proposal.minute, proposal.zone or "UTC", proposal.days)
        return Digest("", account.caller, channel_id, proposal.name, schedule, proposal.tenant)

    async def save(
        self,
        user: CurrentUser,
        clock: LocalClock,
        values: Mapping[str, str],
        audit_entry: AuditDraft,
        digest_id: str = "",
    ) -> Digest:
        """Set a digest up, or change the one of that id; it runs on the connection of who does so.

        Raises FormRefused; NotInChannel where the one to change is in a channel of others, and
        OutdatedButton where it is gone.
        """
        before = await self._to_change(user, digest_id) if digest_id else None
        filled = form.parse_form(values)
        audit_entry.subject = filled.proposal.name
        audit_entry.channel_id = filled.proposal.channel_id
        problems = filled.problems
        account = await self._accounts.load(user.caller)
        filters = await _collect_problem(problems, "filters", self._filters(filled, account, clock))
        if not problems:
            entered = self._channels.join_with(filled.proposal.channel_id, user)
            await _collect_problem(problems, "channel", entered)
        if problems or filters is None:
            raise FormRefused(filled.proposal, problems)
        digest = _digest(user.caller, filled, filters)
        kept = await _collect_problem(problems, "name", self._keep(account, digest, before))
        if kept is None:
            raise FormRefused(filled.proposal, problems)
        audit_entry.about_digest(kept, before.owner if before else None)
        audit_entry.mark_made()
        if before:
            audit_entry.detail = ", ".join(changed_fields(before, kept))
            await user.notify(before.owner, "digest/by_others", digest=before, act="change")
        return kept

    async def _to_change(self, user: CurrentUser, digest_id: str) -> Digest:
        """Raises NotInChannel, but owners may take theirs out of a channel that they have left."""
        before = await self._digests.get(digest_id, user.caller)
        if before.owner != user.caller:
            await user.must_be_in(before.channel_id)
        return before

    async def _keep(self, account: Account, digest: Digest, before: Digest | None) -> Digest:
        if before is None:
            return await self._digests.create(account, digest)
        return (await self._digests.change(before.id, account, digest)).digest

    async def _filters(self, filled: ParsedDraft, account: Account, clock: LocalClock) -> Filters:
        proposal = filled.proposal
        tenant = require_connection(account, proposal.tenant).tenant
        filters = await self._filter_resolver.parse(proposal.query, account, clock, tenant=tenant)
        return form.digest_filters(filters, tenant)


def changed_fields(before: Digest, after: Digest) -> tuple[str, ...]:
    """What a form has changed, in the order of the form."""
    return tuple(name for name in FORM_FIELDS if getattr(before, name) != getattr(after, name))


def _digest(caller: Caller, filled: ParsedDraft, filters: Filters) -> Digest:
    proposal = filled.proposal
    return Digest(
        id="",
        owner=caller,
        channel_id=proposal.channel_id,
        name=proposal.name,
        schedule=filled.schedule,
        tenant=proposal.tenant,
        query=proposal.query,
        filters=filters,
        post_when_empty=proposal.post_when_empty,
        chart=proposal.chart,
    )


async def _collect_problem(
    problems: Problems, name: str, doing: Coroutine[Any, Any, Result]
) -> Result | None:
    """What comes of it; None where it is refused, which is then a problem of that field."""
    try:
        return await doing
    except FIELD_ERRORS as error:
        problems[name] = error
        return None
