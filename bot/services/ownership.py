"""On whose connection scheduled work runs: always that of the person who started it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from bot.models import Account, Digest
from bot.services.accounts import connection
from bot.store.alert_records import Alert

Scheduled = TypeVar("Scheduled", Digest, Alert)


def run_as(account: Account, record: Scheduled) -> Scheduled:
    """The record as it runs for the person who starts, resumes, changes or takes it over.

    Raises NotConnected unless they are connected to its tenant.
    """
    connection(account, record.tenant)
    return replace(record, owner=account.caller)
