"""The Home tab: at once from what is known, then from Emporix, and never without its time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, GLOBEX_OPERATIONS, GLOBEX_READ_ONLY
from sandbox.slack.faults import Fault as SlackFault
from tests.listeners.home.reading import buttons, published, words
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.posting import Poster
from tests.samples import app_home_opened
from tests.shop import Shop

JOBS = "/ai-service/acme/jobs"


@pytest.fixture
def shop(connected: Shop) -> Shop:
    """Ada is connected to acme, where two jobs failed lately and two are running."""
    add_jobs(connected, 6)
    return connected


def asked(shop: Shop, path: str = "jobs") -> int:
    """How many calls for jobs Emporix has had."""
    return sum(seen.path.endswith(f"/{path}") for seen in shop.world.requests)


async def test_tells_a_newcomer_how_to_connect(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Grace has no tenant: one press leads to the form, and afterwards the Home is hers."""
    before = len(shop.world.requests)
    (view,) = published(await shop.grace.open_home())
    assert view == snapshot
    assert len(shop.world.requests) == before
    await shop.grace.click("Connect", at_home=True)
    connected = await shop.grace.submit(
        {
            "Tenant": "acme",
            "Client ID": ACME_OPERATIONS.client_id,
            "Client secret": ACME_OPERATIONS.client_secret,
        }
    )
    assert "*2 failed* in the last 24 hours" in words(connected.home)


async def test_shows_what_there_is(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Rights, failures and what runs, the newest first; and buttons for all of it."""
    exchange = await shop.ada.open_home()
    assert [view["type"] for view in published(exchange)] == ["home", "home"]
    assert published(exchange)[-1] == snapshot
    assert exchange.ack_status == 200


async def test_says_at_once_that_emporix_is_being_asked(shop: Shop) -> None:
    """What the app knows by itself does not wait for Emporix."""
    first, second = published(await shop.ada.open_home())
    assert "Asking Emporix…" in words(first)
    assert "*acme* · your default" in words(first)
    assert "failed" not in words(first)
    assert "*2 failed*" in words(second)


async def test_asks_little(shop: Shop) -> None:
    """Two calls for the jobs of a tenant, whatever its size, and one for names of agents."""
    before = len(shop.world.requests)
    await shop.ada.open_home()
    assert asked(shop) - 1 == 2  # one when Ada connected
    assert asked(shop, "agents") == 1
    assert len(shop.world.requests) - before == 3


async def test_does_not_ask_twice_within_a_minute(shop: Shop) -> None:
    """Opened again, it shows the same, once, and says of when."""
    await shop.ada.open_home()
    before = len(shop.world.requests)
    shop.clock.forward(59)
    (again,) = published(await shop.ada.open_home())
    assert len(shop.world.requests) == before
    assert "As of " in words(again)


async def test_is_never_older_than_a_minute_without_a_word(shop: Shop) -> None:
    """What is older is shown with its time while Emporix is asked, then as it is now."""
    await shop.ada.open_home()
    shop.clock.forward(60)
    shop.world.add_job(
        "acme", id=job_id(99), status="failure", metadata={"createdAt": "2026-11-23T10:33:00.000Z"}
    )
    known, new = published(await shop.ada.open_home())
    assert "As of <!date^1795430000^" in words(known)
    assert "what is new since is on its way" in words(known)
    assert "*2 failed*" in words(known)
    assert "As of <!date^1795430060^" in words(new)
    assert "*3 failed*" in words(new)


async def test_refresh_asks_anew(shop: Shop) -> None:
    """Within the minute, too; pressed again at once it does not."""
    await shop.ada.open_home()
    shop.clock.forward(10)
    before = asked(shop)
    await shop.ada.click("Refresh", at_home=True)
    assert asked(shop) - before == 2
    await shop.ada.click("Refresh", at_home=True)
    assert asked(shop) - before == 2


async def test_the_other_tab_is_not_the_home(shop: Shop) -> None:
    """Slack tells of both by the same event."""
    exchange = await shop.ada.open_home("messages")
    assert exchange.payloads == []


@pytest.mark.parametrize(
    ("fault", "said", "way_on"),
    [
        (Fault("status", times=9, path=JOBS, status=401), "does not accept your key", True),
        (Fault("status", times=9, path=JOBS, status=403), "does not let your key read", True),
        (Fault("rate_limit", times=9, path=JOBS), "asks for a pause", False),
        (Fault("cut_before", times=9, path=JOBS), "Refresh in a minute", False),
        (Fault("status", times=9, path=JOBS, status=500), "does not answer as it should", False),
    ],
    ids=["401", "403", "429", "no connection", "500"],
)
async def test_one_tenant_in_trouble_leaves_the_others(
    shop: Shop, fault: Fault, said: str, way_on: bool
) -> None:
    """Its section says so, with a way to connect anew where that helps."""
    await shop.connect(shop.ada, GLOBEX_READ_ONLY)
    shop.world.faults.add(fault)
    exchange = await shop.ada.open_home()
    told = words(exchange.home)
    assert said in told
    assert "*globex*" in told
    assert "Nothing failed in the last 24 hours." in told
    assert buttons(exchange.home).count("Reconnect") == 2 + way_on


async def test_what_is_known_stays_where_emporix_refuses(shop: Shop) -> None:
    """With its time; and the trouble is not asked for again within the minute."""
    await shop.ada.open_home()
    shop.clock.forward(300)
    shop.world.faults.add(Fault("status", times=9, path=JOBS, status=500))
    exchange = await shop.ada.open_home()
    assert "does not answer as it should" in words(exchange.home)
    assert "What is shown here is as of <!date^1795430000^" in words(exchange.home)
    assert "*2 failed*" in words(exchange.home)
    before = len(shop.world.requests)
    await shop.ada.open_home()
    assert len(shop.world.requests) == before


async def test_a_newer_home_is_not_overwritten(shop: Shop, poster: Poster) -> None:
    """An older opening ends where its view has changed, and asks nothing."""
    old = (await shop.ada.open_home()).home
    assert old is not None
    shop.clock.forward(61)
    newer = (await shop.ada.open_home()).home
    shop.clock.forward(61)
    before = len(shop.world.requests)
    await poster.event(opened(old, "EvLATE"))
    await poster.settled()
    assert (await looked_at(shop))["hash"] == (newer or {})["hash"]
    assert len(shop.world.requests) == before


async def test_opened_twice_at_once_it_ends_as_it_is_now(shop: Shop) -> None:
    """On two devices: Emporix is asked once, and no view is left that waits for it."""
    shop.world.faults.add(Fault("delay", times=2, path=JOBS, seconds=0.2))
    before = asked(shop)
    await asyncio.gather(shop.ada.open_home(), shop.ada.open_home())
    assert asked(shop) - before == 2
    assert "Asking Emporix…" not in words(await looked_at(shop))
    assert "*2 failed*" in words(await looked_at(shop))


async def test_an_event_that_comes_again_is_taken_once(shop: Shop, poster: Poster) -> None:
    """Slack repeats what it thinks was lost."""
    sent = shop.workspace.journal.count
    for _ in range(3):
        assert (await poster.event(opened(None, "EvSAME"))).status_code == 200
    await poster.settled()
    assert shop.workspace.journal.count - sent == 2


async def test_several_tenants_share_the_room(shop: Shop) -> None:
    """The default first; fewer rows of each."""
    await shop.connect(shop.ada, GLOBEX_OPERATIONS)
    add_jobs(shop, 9, "globex")
    told = words((await shop.ada.open_home()).home)
    assert told.index("*acme* · your default") < told.index("*globex*")
    await shop.ada.click("Make default", at_home=True)
    exchange = await shop.ada.open_home()
    assert words(exchange.home).index("*globex* · your default") < words(exchange.home).index(
        "*acme*"
    )


async def test_counts_are_emporixs_or_said_to_be_a_part(shop: Shop) -> None:
    """Without a total nobody is told a wrong number."""
    add_jobs(shop, 30)
    shop.world.counts = False
    assert "*5 or more failed*" in words((await shop.ada.open_home()).home)


async def test_slack_in_trouble_is_not_the_end(shop: Shop) -> None:
    """A refusal of Slack's is logged; the next opening shows it."""
    shop.workspace.faults.add(SlackFault("refuse", method="views.publish", error="internal_error"))
    await shop.ada.open_home()
    assert "*2 failed*" in words((await shop.ada.open_home()).home)


async def looked_at(shop: Shop) -> dict[str, Any]:
    view = shop.workspace.views.home("U0ADA")
    assert view is not None
    return view.as_json()


def opened(view: dict[str, Any] | None, event_id: str) -> dict[str, Any]:
    """Slack's sample of the event, outside an organization."""
    sample = app_home_opened(view=view)
    authorized = {**sample["authorizations"][0], "enterprise_id": None}
    return {**sample, "event_id": event_id, "authorizations": [authorized]}
