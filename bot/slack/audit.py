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
from bot.services.departures import Affected
from bot.store.audit import AuditLog

OUTCOME_UNKNOWN = "unknown"
"""The result after an unexpected error: what was changed until then is not known."""

FORM_REFUSED = "refused"
"""The result of a form that was answered with errors under its fields."""


@dataclass(slots=True)
class AuditDraft:
    """The entry of one call, completed by its listener and recorded after it by the dispatcher.

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
        """Nothing was changed, or a service records it: nothing is written."""
        self.result = ""

    def mark_made(self) -> None:
        """The change is made: an answer that fails after it does not alter the result."""
        self.is_made = True

    def refuse(self, error: BaseException | None = None) -> None:
        """It was not done: `error` says why, None that fields of a form are wrong."""
        if not self.is_made:
            self.result = _result(error)

    def about_digest(self, digest: Digest, before: Caller | None = None) -> None:
        """`before` is on whose connection it ran until now, if that is not the owner."""
        self.tenant, self.subject = digest.tenant, digest.name
        self.channel_id = digest.channel_id
        self._owned_by(before or digest.owner)

    def about_alerts(self, alerts: Sequence[Alert], before: Caller | None = None) -> None:
        """These were changed; nothing is written if there are none."""
        self.mark_made()
        if not alerts:
            self.skip()
            return
        self.channel_id, self.count = alerts[0].channel_id, len(alerts)
        self.tenant = ",".join(sorted({alert.tenant for alert in alerts}))
        self._owned_by(*([before] if before else [alert.owner for alert in alerts]))

    def about_cleanup(self, cleanup: Cleanup) -> None:
        """A clean-up was stopped, by its owner or by an administrator."""
        self.mark_made()
        self.tenant, self.subject, self.count = cleanup.tenant, cleanup.id, cleanup.counted
        self._owned_by(cleanup.caller)

    def about_affected(self, affected: Sequence[Affected]) -> None:
        """Digests and alerts were paused or deleted by the app; nothing is written without any."""
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
        """Write it, unless it is skipped; if Redis fails, the log says so."""
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
