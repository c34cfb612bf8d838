"""The audit entry of a listener's call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.accounts import Caller
from bot.domain.alerts import Alert
from bot.domain.audit import DONE, AuditEvent
from bot.domain.cleanups import Cleanup
from bot.domain.digests import Digest
from bot.errors import BotError
from bot.services.departures import AffectedWork
from bot.store.audit import AuditLog

OUTCOME_UNKNOWN = "unknown"
"""The result after an unexpected error: the change may or may not have been made."""

FORM_REFUSED = "refused"
"""The result of a form that was answered with errors under its fields."""


@dataclass(slots=True)
class AuditDraft:
    """The entry of one call: filled in by the listener, then recorded by the dispatcher.

    The fields are those of `bot.store.audit.AuditEntry`.
    """

    event: AuditEvent
    caller: Caller
    channel_id: str = ""
    tenant: str = ""
    subject: str = ""
    owner_id: str = ""
    detail: str = ""
    count: int = 0
    result: str = DONE
    is_made: bool = False

    @property
    def is_skipped(self) -> bool:
        return not self.result

    def skip(self) -> None:
        """Write no entry, because nothing changed or a service records the change."""
        self.result = ""

    def mark_made(self) -> None:
        """Mark the change as made, so that an error in the answer no longer alters the result."""
        self.is_made = True

    def refuse(self, error: BaseException | None = None) -> None:
        """Record a refusal: `error` gives the reason, None means invalid form fields."""
        if not self.is_made:
            self.result = _result(error)

    def about_digest(self, digest: Digest, before: Caller | None = None) -> None:
        """Fill in the digest; `before` is its previous owner, if the owner changed."""
        self.tenant, self.subject = digest.tenant, digest.name
        self.channel_id = digest.channel_id
        self._owned_by(before or digest.owner)

    def about_alerts(self, alerts: Sequence[Alert], before: Caller | None = None) -> None:
        """Fill in the changed alerts and mark the change as made; if none, skip the entry."""
        self.mark_made()
        if not alerts:
            self.skip()
            return
        self.channel_id, self.count = alerts[0].channel_id, len(alerts)
        self.tenant = ",".join(sorted({alert.tenant for alert in alerts}))
        self._owned_by(*([before] if before else [alert.owner for alert in alerts]))

    def about_cleanup(self, cleanup: Cleanup) -> None:
        """Fill in a clean-up that its owner or an administrator stopped."""
        self.mark_made()
        self.tenant, self.subject, self.count = cleanup.tenant, cleanup.id, cleanup.counted
        self._owned_by(cleanup.caller)

    def about_affected(self, affected: Sequence[AffectedWork]) -> None:
        """Fill in the digests and alerts that the app paused or deleted.

        If there are none, skip the entry.
        """
        self.caller = replace(self.caller, user_id="")
        self.count = sum(len(one.digests) + len(one.alerts) for one in affected)
        self._owned_by(*(one.owner for one in affected))
        self.mark_made()
        if not self.count:
            self.skip()

    def _owned_by(self, *owners: Caller) -> None:
        others = {owner.user_id for owner in owners} - {self.caller.user_id}
        self.owner_id = ",".join(sorted(others))

    async def record(self, audit: AuditLog) -> None:
        """Write the entry unless it is skipped; a failure of Redis is logged."""
        if not self.is_skipped:
            await audit.try_record(
                self.event,
                self.caller,
                self.result,
                channel_id=self.channel_id,
                tenant=self.tenant,
                subject=self.subject,
                owner_id=self.owner_id,
                detail=self.detail,
                count=self.count,
            )


def _result(error: BaseException | None) -> str:
    if error is None:
        return FORM_REFUSED
    return error.template if isinstance(error, BotError) else OUTCOME_UNKNOWN
