"""The Home tab: first cached data, then data from Emporix, always with its time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, GLOBEX_OPERATIONS, GLOBEX_READ_ONLY
from sandbox.slack.faults import Fault as SlackFault
from tests.harness.app import AppHarness
from tests.harness.sample_requests import app_home_opened
from tests.harness.signed_requests import Poster
from tests.listeners.home.views import buttons, published, words
from tests.listeners.jobs.fixtures import add_jobs, job_id

JOBS = "/ai-service/acme/jobs"


@pytest.fixture
def harness(connected: AppHarness) -> AppHarness:
    """Ada is connected to acme, with two recent failures and two running jobs."""
    add_jobs(connected, 6)
    return connected


def asked(harness: AppHarness, path: str = "jobs") -> int:
    """The number of calls for jobs to Emporix."""
    return sum(seen.path.endswith(f"/{path}") for seen in harness.emporix_state.requests)


async def test_a_new_user_can_connect(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A user without a tenant can connect with one click, and then has a Home tab."""
    before = len(harness.emporix_state.requests)
    (view,) = published(await harness.grace.open_home())
    assert view == snapshot
    assert len(harness.emporix_state.requests) == before
    await harness.grace.click("Connect", at_home=True)
    connected = await harness.grace.submit(
        {
            "Tenant": "acme",
            "Client ID": ACME_OPERATIONS.client_id,
            "Client secret": ACME_OPERATIONS.client_secret,
        }
    )
    assert "*acme*: *2 failed*, 2 running, " in words(connected.home)


async def test_shows_rights_and_jobs(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The Home tab shows rights, failures and running jobs, newest first, with their buttons."""
    exchange = await harness.ada.open_home()
    assert [view["type"] for view in published(exchange)] == ["home", "home"]
    assert published(exchange)[-1] == snapshot
    assert exchange.ack_status == 200


async def test_shows_stored_data_before_emporix_answers(harness: AppHarness) -> None:
    """Data in Redis is shown without waiting for Emporix."""
    first, second = published(await harness.ada.open_home())
    assert "Loading…" in words(first)
    assert "*acme*" in words(first)
    assert "failed" not in words(first)
    assert "*2 failed*" in words(second)


async def test_asks_little(harness: AppHarness) -> None:
    """A refresh needs three calls for jobs per tenant and one for agent names."""
    before = len(harness.emporix_state.requests)
    await harness.ada.open_home()
    assert asked(harness) - 1 == 3  # one call when Ada connected
    assert asked(harness, "agents") == 1
    assert len(harness.emporix_state.requests) - before == 4


async def test_does_not_ask_twice_within_a_minute(harness: AppHarness) -> None:
    """Opened again within a minute, the Home tab shows the same data with its time."""
    await harness.ada.open_home()
    before = len(harness.emporix_state.requests)
    harness.clock.forward(59)
    (again,) = published(await harness.ada.open_home())
    assert len(harness.emporix_state.requests) == before
    assert "Last updated " in words(again)


async def test_is_never_older_than_a_minute_without_a_word(harness: AppHarness) -> None:
    """Older data is shown with its time while it is refreshed."""
    await harness.ada.open_home()
    harness.clock.forward(60)
    harness.emporix_state.add_job(
        "acme", id=job_id(99), status="failure", metadata={"createdAt": "2026-11-23T10:33:00.000Z"}
    )
    known, new = published(await harness.ada.open_home())
    assert "Last updated <!date^1795430000^" in words(known)
    assert "Loading new figures…" in words(known)
    assert "*2 failed*" in words(known)
    assert "Last updated <!date^1795430060^" in words(new)
    assert "*3 failed*" in words(new)


async def test_refresh_reads_new_data(harness: AppHarness) -> None:
    """Refresh reads new data even within a minute, but not twice in a row."""
    await harness.ada.open_home()
    harness.clock.forward(10)
    before = asked(harness)
    await harness.ada.click("Refresh", at_home=True)
    assert asked(harness) - before == 3
    await harness.ada.click("Refresh", at_home=True)
    assert asked(harness) - before == 3


async def test_the_other_tab_is_not_the_home(harness: AppHarness) -> None:
    """The event of the Messages tab doesn't open the Home tab."""
    exchange = await harness.ada.open_home("messages")
    assert exchange.payloads == []


@pytest.mark.parametrize(
    ("fault", "said", "way_on"),
    [
        (Fault("status", times=9, path=JOBS, status=401), "no longer accepts your API key", True),
        (Fault("status", times=9, path=JOBS, status=403), "doesn't let your API key read", True),
        (Fault("rate_limit", times=9, path=JOBS), "received too many requests", False),
        (Fault("cut_before", times=9, path=JOBS), "Refresh in a minute", False),
        (Fault("status", times=9, path=JOBS, status=500), "has a problem right now", False),
    ],
    ids=["401", "403", "429", "no connection", "500"],
)
async def test_a_failing_tenant_does_not_affect_others(
    harness: AppHarness, fault: Fault, said: str, way_on: bool
) -> None:
    """If one tenant fails, its section says so; other tenants are shown."""
    await harness.connect(harness.ada, GLOBEX_READ_ONLY)
    harness.emporix_state.faults.add(fault)
    exchange = await harness.ada.open_home()
    told = words(exchange.home)
    assert said in told
    assert "*globex*" in told
    assert "*globex*: *0 failed*, 0 running, 0 succeeded in 24 h" in told
    assert buttons(exchange.home).count("Reconnect") == way_on


async def test_keeps_known_data_if_emporix_fails(harness: AppHarness) -> None:
    """If Emporix fails, known data is kept with its time, and not requested for a minute."""
    await harness.ada.open_home()
    harness.clock.forward(300)
    harness.emporix_state.faults.add(Fault("status", times=9, path=JOBS, status=500))
    exchange = await harness.ada.open_home()
    assert "has a problem right now" in words(exchange.home)
    assert "These figures are from <!date^1795430000^" in words(exchange.home)
    assert "*2 failed*" in words(exchange.home)
    before = len(harness.emporix_state.requests)
    await harness.ada.open_home()
    assert len(harness.emporix_state.requests) == before


async def test_a_newer_home_is_not_overwritten(harness: AppHarness, poster: Poster) -> None:
    """An older request stops if its view has changed."""
    old = (await harness.ada.open_home()).home
    assert old is not None
    harness.clock.forward(61)
    newer = (await harness.ada.open_home()).home
    harness.clock.forward(61)
    before = len(harness.emporix_state.requests)
    await poster.event(opened(old, "EvLATE"))
    await poster.settled()
    assert (await looked_at(harness))["hash"] == (newer or {})["hash"]
    assert len(harness.emporix_state.requests) == before


async def test_opened_twice_at_once_it_ends_as_it_is_now(harness: AppHarness) -> None:
    """Opened twice at once, Emporix is called once, and both views are completed."""
    harness.emporix_state.faults.add(Fault("delay", times=2, path=JOBS, seconds=0.2))
    before = asked(harness)
    await asyncio.gather(harness.ada.open_home(), harness.ada.open_home())
    assert asked(harness) - before == 3
    assert "Loading…" not in words(await looked_at(harness))
    assert "*2 failed*" in words(await looked_at(harness))


async def test_a_repeated_event_is_handled_once(harness: AppHarness, poster: Poster) -> None:
    """A repeated event is handled once."""
    sent = harness.workspace.journal.count
    for _ in range(3):
        assert (await poster.event(opened(None, "EvSAME"))).status_code == 200
    await poster.settled()
    assert harness.workspace.journal.count - sent == 2


async def test_several_tenants_share_the_room(harness: AppHarness) -> None:
    """Several tenants share the Home tab, the default first, with fewer rows each."""
    await harness.connect(harness.ada, GLOBEX_OPERATIONS)
    add_jobs(harness, 9, "globex")
    told = words((await harness.ada.open_home()).home)
    assert told.index("*acme*") < told.index("*globex*")
    await harness.ada.click("Make default", at_home=True)
    exchange = await harness.ada.open_home()
    assert words(exchange.home).index("*globex*") < words(exchange.home).index("*acme*")


async def test_counts_without_a_total_are_marked_as_partial(harness: AppHarness) -> None:
    """Without a total from Emporix, counts are marked as partial."""
    add_jobs(harness, 30)
    harness.emporix_state.counts = False
    assert " failed*" in words((await harness.ada.open_home()).home)


async def test_slack_in_trouble_is_not_the_end(harness: AppHarness) -> None:
    """A refusal by Slack is logged, and the next opening works."""
    harness.workspace.faults.add(
        SlackFault("refuse", method="views.publish", error="internal_error")
    )
    await harness.ada.open_home()
    assert "*2 failed*" in words((await harness.ada.open_home()).home)


async def looked_at(harness: AppHarness) -> dict[str, Any]:
    view = harness.workspace.views.home("U0ADA")
    assert view is not None
    return view.as_json()


def opened(view: dict[str, Any] | None, event_id: str) -> dict[str, Any]:
    """Slack's sample of the event, without an organization."""
    sample = app_home_opened(view=view)
    authorized = {**sample["authorizations"][0], "enterprise_id": None}
    return {**sample, "event_id": event_id, "authorizations": [authorized]}
