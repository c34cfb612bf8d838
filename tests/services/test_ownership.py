"""Scheduled work runs on the connection of the person who started it."""

from __future__ import annotations

import pytest

from bot.domain.accounts import Account, Caller, Connection, Credentials
from bot.domain.alerts import Alert, Watermark
from bot.domain.digests import Digest, Schedule
from bot.domain.filters import Filters
from bot.errors import NotConnected
from bot.services.accounts import run_as

ADA, GRACE = Caller("T0ACME", "U0ADA"), Caller("T0ACME", "U0GRACE")
DIGEST = Digest("d1", ADA, "C0OPS", "Daily", Schedule(540, "UTC", (0,)), "acme")
ALERT = Alert("a1", ADA, "C0OPS", Filters(tenant="acme"), 0.0, Watermark(0.0), 0.0)


def account(*tenants: str) -> Account:
    key = Credentials("id", "secret")
    return Account(GRACE, {name: Connection(GRACE, name, key, frozenset(), 0) for name in tenants})


@pytest.mark.parametrize("record", [DIGEST, ALERT], ids=["digest", "alert"])
def test_the_person_who_starts_it_becomes_its_owner(record: Digest | Alert) -> None:
    """A digest or an alert, and regardless of its owner before."""
    if isinstance(record, Digest):
        assert run_as(account("acme"), record).owner == GRACE
    else:
        assert run_as(account("acme"), record).owner == GRACE


@pytest.mark.parametrize("tenants", [(), ("globex",)])
def test_without_a_connection_to_its_tenant_it_does_not_start(tenants: tuple[str, ...]) -> None:
    """A connection to another tenant does not help."""
    with pytest.raises(NotConnected):
        run_as(account(*tenants), DIGEST)
