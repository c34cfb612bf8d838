"""Acknowledged at once, done once, and never more than the process can bear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from inspect import Parameter, Signature
from statistics import median
from types import SimpleNamespace, UnionType
from typing import Any, Protocol, get_args, get_origin

import bot.listeners
from bot.models import Account, Caller
from bot.say import ids
from bot.say.state import pack
from bot.slack.hear import (
    Heard,
    Listener,
    action,
    command,
    event,
    shortcut,
    submission,
    suggestion,
)
from bot.slack.registry import discover
from bot.store.accounts import AccountStore
from bot.store.arrivals import Arrival, Arrivals
from bot.store.audit_events import AuditEvent
from bot.store.records import Records
from sandbox.emporix.faults import Fault
from sandbox.slack.directory import ADA
from tests import injected, samples
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.posting import Poster
from tests.shop import Shop
from tests.slack.bench import FakeArrivals, Setup, open_bench
from tests.store.fixtures import VAULT


class Given:
    """Listeners that take all that their kind of request provides, and keep it."""

    def __init__(self) -> None:
        self.to: dict[Heard, dict[str, Any]] = {}
        audit = AuditEvent.JOBS_SHARED
        self.heard = tuple(
            self._taking(decorate)
            for decorate in (
                command("go", "", "", audit=audit),
                command("quick", "", "", audit=None, in_ack=True),
                action("go.button", audit=audit),
                submission("go.form", audit=audit),
                shortcut("go.menu", "Go", "Goes.", kind="message", audit=audit),
                suggestion("go.typed", audit=None),
                event("app_home_opened", audit=audit),
                event("user_change", audit=audit, before_ack=True),
            )
        )

    def _taking(self, decorate: Callable[[Listener], Heard]) -> Heard:
        async def listener(**given: Any) -> None:
            self.to[heard] = given
            if "audit_entry" in given:
                given["audit_entry"].skip()

        heard = decorate(listener)
        names = [*injected.of_request(heard), "jobs"]
        parameters = [Parameter(name, Parameter.KEYWORD_ONLY) for name in names]
        listener.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return heard


def fits(value: object, declared: Any) -> bool:
    """Whether a value has a type, as far as that can be seen: of protocols it cannot."""
    kinds = get_args(declared) if isinstance(declared, UnionType) else (declared,)
    plain = [get_origin(kind) or kind for kind in kinds]
    return any(kind is Any or is_protocol(kind) or isinstance(value, kind) for kind in plain)


def is_protocol(kind: Any) -> bool:
    return Protocol in getattr(kind, "__bases__", ())


async def test_provides_what_it_declares() -> None:
    """Each kind of listener gets every value of its request, with the declared type."""
    given = Given()
    async with open_bench(Setup(given.heard, services=SimpleNamespace(jobs="Jobs"))) as bench:
        await bench.poster.command(samples.command("go Far Away"))
        await bench.poster.command(samples.command("quick"))
        await bench.poster.interaction(samples.block_actions("go.button", "packed", ""))
        await bench.poster.interaction(samples.view_submission("go.form", {"name": " Ada "}))
        await bench.poster.interaction(samples.message_action("go.menu", ""))
        await bench.poster.interaction(samples.block_suggestion("go.typed", "compl"))
        opened = samples.app_home_opened()
        await bench.poster.event(opened)
        await bench.poster.event(opened | {"event": opened["event"] | {"type": "user_change"}})
        await bench.poster.settled()
    assert given.to.keys() == set(given.heard)
    for heard, values in given.to.items():
        declared = injected.of_request(heard)
        assert values.keys() == {*declared, "jobs"}
        assert values["jobs"] == "Jobs"
        assert [name for name in declared if not fits(values[name], declared[name])] == []
    go, _, button, form, *_, home, _ = (given.to[heard] for heard in given.heard)
    ada = Caller("T0ACME", ADA.id, samples.ENTERPRISE_ID)
    assert (go["text"], go["caller"]) == ("Far Away", ada)
    assert (button["value"], button["account"]) == ("packed", Account(Caller("T0ACME", ADA.id)))
    assert (form["value"], form["values"]) == ("", {"name": "Ada"})
    assert (home["event"]["type"], home["caller"]) == ("app_home_opened", ada)
    assert home["home"] is home["reply"]._reply


class SlowArrivals(FakeArrivals):
    """A store that does not answer before it is let go."""

    def __init__(self) -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()

    async def take(self, *args: Any, **named: Any) -> Arrival | None:
        self.asked.set()
        await self.open.wait()
        return await super().take(*args, **named)


async def test_acknowledges_before_anything_leaves_the_process() -> None:
    """However slow the store is, Slack has its answer."""
    arrivals, done = SlowArrivals(), asyncio.Event()

    async def finish() -> None:
        done.set()

    menu = shortcut("go.menu", "Go", "Goes.", kind="message", audit=None)
    heard = (
        command("go", "", "", audit=None)(finish),
        action("go.button", audit=None)(finish),
        menu(finish),
    )
    async with open_bench(Setup(heard, arrivals=arrivals)) as bench:
        assert (await bench.poster.command(samples.command("go"))).status_code == 200
        pressed = samples.block_actions("go.button", "", "")
        assert (await bench.poster.interaction(pressed)).status_code == 200
        called = samples.message_action("go.menu", "")
        assert (await bench.poster.interaction(called)).status_code == 200
        await arrivals.asked.wait()
        assert not done.is_set()
        arrivals.open.set()
        await asyncio.wait_for(done.wait(), 5)


async def test_does_a_repeated_delivery_once(connected: Shop, poster: Poster) -> None:
    """Slack repeats what it thinks was lost: one question, one answer."""
    add_jobs(connected, 1)
    await connected.ada.command("/emporix jobs")  # from now on the names of agents are known
    sent, asked = connected.workspace.journal.count, len(connected.world.requests)
    url = connected.slack_url + connected.workspace.response_urls.new(ADA.id, "C0GENERAL")
    again = samples.command(f"jobs get {job_id(1)}", url) | {"enterprise_id": ""}
    for _ in range(3):
        assert (await poster.command(again)).status_code == 200
    await poster.settled()
    assert connected.workspace.journal.count - sent == 1
    assert len(connected.world.requests) - asked == 1


async def test_hears_a_submission_once(redis: Any) -> None:
    """A recorded submission that is sent again does nothing; another one is heard."""
    heard: list[str] = []
    accounts = AccountStore(redis, Records(VAULT))

    async def submitted(value: str) -> None:
        heard.append(value)

    setup = Setup(
        (submission("go.form", audit=None)(submitted),), arrivals=Arrivals(redis, accounts)
    )
    async with open_bench(setup) as bench:
        form = samples.view_submission("go.form", {"name": "Ada"})
        for trigger_id in ("1.1.a", "1.1.a", "1.2.b"):
            answer = await bench.poster.interaction(form | {"trigger_id": trigger_id})
            assert answer.status_code == 200
        await bench.poster.settled()
    assert len(heard) == 2


async def test_does_what_is_asked_twice_twice(connected: Shop, poster: Poster) -> None:
    """The same words with another trigger_id are another question."""
    sent = connected.workspace.journal.count
    url = connected.slack_url + connected.workspace.response_urls.new(ADA.id, "C0GENERAL")
    for trigger_id in ("1.1.a", "1.2.b"):
        await poster.command(samples.command("tenants", url) | {"trigger_id": trigger_id})
    await poster.settled()
    assert connected.workspace.journal.count - sent == 2


async def test_acknowledges_promptly(connected: Shop) -> None:
    """However slow Emporix is, no command keeps Slack waiting."""
    add_jobs(connected, 1)
    words = ["jobs", "jobs search refund", f"jobs get {job_id(1)}", f"jobs delete {job_id(1)}"]
    words += ["tenants", "use acme", "disconnect", "connect", "help", "bogus"]
    connected.world.faults.add(Fault("delay", times=len(words), seconds=1.5))
    acks = await asyncio.gather(*(_ack(connected, f"/emporix {text}") for text in words))
    assert [ack["status"] for ack in acks] == [200] * len(words)
    assert max(ack["seconds"] for ack in acks) < 1


VALUES = {
    ids.JOBS_GET_OPEN: pack(ids.STATE_JOB, tenant="acme", job=job_id(1)),
    ids.JOBS_DELETE_CONFIRM: pack(ids.STATE_JOB, tenant="acme", job=job_id(2)),
    ids.DISCONNECT_CONFIRM: pack(ids.STATE_TENANT, tenant="globex"),
    ids.JOBS_LIST_NEXT: pack(ids.STATE_CURSOR, cursor="cursor-1", page=2),
    ids.JOBS_LIST_PREVIOUS: pack(ids.STATE_CURSOR, cursor="cursor-1", page=1),
}
ANY_OTHER = pack(ids.STATE_TENANT, tenant="acme")


async def test_acknowledges_buttons_promptly(connected: Shop, poster: Poster) -> None:
    """However slow Emporix is, no button waits for it, and most are acknowledged at once."""
    add_jobs(connected, 20)
    await connected.ada.command("/emporix jobs")
    connected.world.faults.add(Fault("delay", times=5, seconds=1.5))
    waited = []
    for action_id in discover(bot.listeners).actions:
        pressed = samples.block_actions(action_id, VALUES.get(action_id, ANY_OTHER), "")
        pressed["trigger_id"] = action_id
        begun = time.monotonic()
        assert (await poster.interaction(pressed)).status_code == 200
        waited.append(time.monotonic() - begun)
    assert median(waited) < 0.25
    assert max(waited) < 1.5  # one slow moment of a busy machine; Slack gives up after 3 s
    await poster.settled()
    assert len(connected.world.faults) == 0


async def _ack(shop: Shop, text: str) -> dict[str, Any]:
    order = {"user": "ada", "channel": "general", "text": text}
    answer = await shop.http.post(f"{shop.slack_url}/sandbox/command", json=order, timeout=20)
    told: dict[str, Any] = answer.json()["ack"]
    return told
