"""emporix-bot forget: delete what Redis holds of a user or of a workspace."""

from __future__ import annotations

from collections.abc import Callable

from bot.errors import StoreUnavailable
from bot.resources import vault
from bot.settings import Settings
from bot.store.audit_names import AuditBusy
from bot.store.canary import Canary
from bot.store.connection import connect
from bot.store.erasure import Erasure, Found, Subject

MOST_SHOWN = 100


async def forget(
    settings: Settings,
    subject: Subject,
    tell: Callable[[str], object],
    confirm: Callable[[str], bool],
) -> int:
    """Say what there is, ask, delete it, and look again.

    The exit status is 1 if something is left, or could not be looked at, and 2 if the keys do not
    fit this Redis.
    """
    keys = vault(settings)
    canary = Canary(keys, create=False)
    redis = connect(settings.redis_url.get_secret_value(), canary)
    erasure = Erasure(redis, keys)
    try:
        found = await erasure.find(subject)
        _show(found, tell)
        if found.traces and not confirm("Delete all of this? It can't be undone. [y/N] "):
            tell("Nothing was deleted.")
            return 1
        await erasure.erase(subject)
        left = await erasure.find(subject)
    except StoreUnavailable as error:
        if canary.problem:
            tell(canary.problem)
            return 2
        tell(f"Redis does not answer ({error}). Run this again: deleted records stay deleted.")
        return 1
    except AuditBusy:
        tell("The audit log was written to all the time. Run this again.")
        return 1
    finally:
        await redis.aclose()
    tell(_result(subject, left))
    return 0 if not left.traces and not left.unopenable else 1


def _show(found: Found, tell: Callable[[str], object]) -> None:
    for trace in found.traces[:MOST_SHOWN]:
        tell(f"{trace.act:<9}  {trace.key}  {trace.member}".rstrip())
    if (more := len(found.traces) - MOST_SHOWN) > 0:
        tell(f"… and {more:,} more")
    if found.unopenable:
        tell(
            f"{found.unopenable:,} encrypted values can't be decrypted with ENCRYPTION_KEYS, so I "
            "can't tell whose they are. Add the missing key and run this again."
        )


def _result(subject: Subject, left: Found) -> str:
    who = f"user {subject.user_id}" if subject.user_id else f"workspace {subject.team_id}"
    if left.traces:
        return f"{len(left.traces):,} traces of {who} were written meanwhile: run this again."
    if not subject.user_id:
        return f"Nothing names {who} any more."
    return f"Nothing names {who} any more; the audit log has a pseudonym instead of the id."
