"""Requests are acknowledged at once, handled once, and limited."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from statistics import median
from types import SimpleNamespace, UnionType
from typing import Any, Protocol, get_args, get_origin

import bot.listeners
from bot.domain.accounts import Account, Caller
from bot.domain.audit import AuditEvent
from bot.rendering import buttons
from bot.rendering.buttons import JobButton, ListButton, TenantButton
from bot.slack.decorators import (
    Listener,
    ListenerFunction,
    action,
    closing,
    command,
    discover,
    event,
    options,
    shortcut,
    submission,
)
from bot.store.accounts import AccountStore
from bot.store.encryption import AccountEncryption
from bot.store.idempotency import Deliveries, Delivery
from sandbox.emporix.faults import Fault
from sandbox.slack.directory import ADA
from tests.harness import injected_parameters, sample_requests
from tests.harness.app import AppHarness
from tests.harness.dispatch import DispatchSetup, FakeDeliveries, open_dispatch
from tests.harness.signed_requests import Poster
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.store.fixtures import CIPHER


class Given:
    """Listeners that declare all values of their type of request and store them."""

    def __init__(self) -> None:
        self.to: dict[Listener, dict[str, Any]] = {}
        audit = AuditEvent.JOBS_SHARED
        self.heard = tuple(
            self._taking(decorate)
            for decorate in (
                command("go", "", "", audit=audit),
                command("quick", "", "", audit=None, in_ack=True),
                action("go.button", audit=audit),
                submission("go.form", audit=audit),
                closing("go.form", audit=audit),
                shortcut("go.menu", "Go", "Goes.", kind="message", audit=audit),
                options("go.typed", audit=None),
                event("app_home_opened", audit=audit),
                event("user_change", audit=audit, before_ack=True),
            )
        )

    def _taking(self, decorate: Callable[[ListenerFunction], Listener]) -> Listener:
        async def listener(**given: Any) -> None:
            self.to[heard] = given
            if "audit_entry" in given:
                given["audit_entry"].skip()

        heard = decorate(listener)
        names = [*injected_parameters.of_request(heard), "jobs"]
        parameters = [Parameter(name, Parameter.KEYWORD_ONLY) for name in names]
        listener.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return heard


def fits(value: object, declared: Any) -> bool:
    """Whether a value has a type, as far as it can be checked (protocols can't)."""
    kinds = get_args(declared) if isinstance(declared, UnionType) else (declared,)
    plain = [get_origin(kind) or kind for kind in kinds]
    return any(kind is Any or is_protocol(kind) or isinstance(value, kind) for kind in plain)


def is_protocol(kind: Any) -> bool:
    return Protocol in getattr(kind, "__bases__", ())


async def test_provides_what_it_declares() -> None:
    """Each type of listener gets every value of its request, with the declared type."""
    given = Given()
    async with open_dispatch(
        DispatchSetup(given.heard, services=SimpleNamespace(jobs="Jobs"))
    ) as harness:
        await harness.poster.command(sample_requests.command("go Far Away"))
        await harness.poster.command(sample_requests.command("quick"))
        await harness.poster.interaction(sample_requests.block_actions("go.button", "packed", ""))
        await harness.poster.interaction(
            sample_requests.view_submission("go.form", {"name": " Ada "})
        )
        await harness.poster.interaction(sample_requests.view_closed("go.form"))
        await harness.poster.interaction(sample_requests.message_action("go.menu", ""))
        await harness.poster.interaction(sample_requests.block_suggestion("go.typed", "compl"))
        opened = sample_requests.app_home_opened()
        await harness.poster.event(opened)
        await harness.poster.event(opened | {"event": opened["event"] | {"type": "user_change"}})
        await harness.poster.settled()
    assert given.to.keys() == set(given.heard)
    for heard, values in given.to.items():
        declared = injected_parameters.of_request(heard)
        assert values.keys() == {*declared, "jobs"}
        assert values["jobs"] == "Jobs"
        assert [name for name in declared if not fits(values[name], declared[name])] == []
    go, _, button, form, *_, home, _ = (given.to[heard] for heard in given.heard)
    ada = Caller("T0ACME", ADA.id, sample_requests.ENTERPRISE_ID)
    assert (go["text"], go["caller"]) == ("Far Away", ada)
    assert button["account"] == Account(Caller("T0ACME", ADA.id))
    assert form["values"] == {"name": "Ada"}
    assert (home["event"]["type"], home["caller"]) == ("app_home_opened", ada)
    assert home["home"] is home["reply"]._reply


async def test_a_closed_modal_of_another_version_is_acknowledged() -> None:
    """Nothing can be shown there anymore, so nothing is."""
    async with open_dispatch(DispatchSetup(())) as harness:
        answer = await harness.poster.interaction(sample_requests.view_closed("go.long.ago"))
        await harness.poster.settled()
        assert (answer.status_code, harness.texts()) == (200, [])


class SlowArrivals(FakeDeliveries):
    """A store that doesn't answer until it is released."""

    def __init__(self) -> None:
        self.asked, self.open = asyncio.Event(), asyncio.Event()

    async def claim_delivery(self, *args: Any, **named: Any) -> Delivery | None:
        self.asked.set()
        await self.open.wait()
        return await super().claim_delivery(*args, **named)


async def test_acknowledges_before_anything_leaves_the_process() -> None:
    """Slack gets its ack even if Redis is slow."""
    arrivals, done = SlowArrivals(), asyncio.Event()

    async def finish() -> None:
        done.set()

    menu = shortcut("go.menu", "Go", "Goes.", kind="message", audit=None)
    heard = (
        command("go", "", "", audit=None)(finish),
        action("go.button", audit=None)(finish),
        menu(finish),
    )
    async with open_dispatch(DispatchSetup(heard, deliveries=arrivals)) as harness:
        assert (await harness.poster.command(sample_requests.command("go"))).status_code == 200
        pressed = sample_requests.block_actions("go.button", "", "")
        assert (await harness.poster.interaction(pressed)).status_code == 200
        called = sample_requests.message_action("go.menu", "")
        assert (await harness.poster.interaction(called)).status_code == 200
        await arrivals.asked.wait()
        assert not done.is_set()
        arrivals.open.set()
        await asyncio.wait_for(done.wait(), 5)


async def test_does_a_repeated_delivery_once(connected: AppHarness, poster: Poster) -> None:
    """A repeated delivery is handled once."""
    add_jobs(connected, 1)
    await connected.ada.command("/emporix jobs")  # caches the names of agents
    sent, asked = connected.workspace.journal.count, len(connected.emporix_state.requests)
    url = connected.slack_url + connected.workspace.response_urls.new(ADA.id, "C0GENERAL")
    again = sample_requests.command(f"jobs get {job_id(1)}", url) | {"enterprise_id": ""}
    for _ in range(3):
        assert (await poster.command(again)).status_code == 200
    await poster.settled()
    assert connected.workspace.journal.count - sent == 1
    assert len(connected.emporix_state.requests) - asked == 1


async def test_handles_a_submission_once(redis: Any) -> None:
    """A repeated submission does nothing but show that its answer was lost; another is handled.

    Otherwise the form would close as after a success, whatever the first answer was.
    """
    heard: list[str] = []
    answers: list[Any] = []
    accounts = AccountStore(redis, AccountEncryption(CIPHER))

    async def submitted(values: Mapping[str, str]) -> None:
        heard.append(values["name"])

    setup = DispatchSetup(
        (submission("go.form", audit=None)(submitted),), deliveries=Deliveries(redis, accounts)
    )
    async with open_dispatch(setup) as harness:
        form = sample_requests.view_submission("go.form", {"name": "Ada"})
        for trigger_id in ("1.1.a", "1.1.a", "1.2.b"):
            answer = await harness.poster.interaction(form | {"trigger_id": trigger_id})
            assert answer.status_code == 200
            answers.append(answer.json() if answer.content else None)
        await harness.poster.settled()
    assert len(heard) == 2
    first, repeated, other = answers
    assert first is None
    assert other is None
    assert "Check whether it worked before you submit again." in json.dumps(repeated)


async def test_handles_a_new_request_with_the_same_command(
    connected: AppHarness, poster: Poster
) -> None:
    """The same command with another trigger_id is handled again."""
    sent = connected.workspace.journal.count
    url = connected.slack_url + connected.workspace.response_urls.new(ADA.id, "C0GENERAL")
    for trigger_id in ("1.1.a", "1.2.b"):
        await poster.command(sample_requests.command("tenants", url) | {"trigger_id": trigger_id})
    await poster.settled()
    assert connected.workspace.journal.count - sent == 2


async def test_acknowledges_promptly(connected: AppHarness) -> None:
    """Commands are acknowledged promptly even if Emporix is slow."""
    add_jobs(connected, 1)
    words = ["jobs", "jobs search refund", f"jobs get {job_id(1)}", f"jobs delete {job_id(1)}"]
    words += ["tenants", "use acme", "disconnect", "connect", "help", "bogus"]
    connected.emporix_state.faults.add(Fault("delay", times=len(words), seconds=1.5))
    acks = await asyncio.gather(*(_ack(connected, f"/emporix {text}") for text in words))
    assert [ack["status"] for ack in acks] == [200] * len(words)
    assert max(ack["seconds"] for ack in acks) < 1


VALUES = {
    buttons.JOBS_GET_OPEN: JobButton(tenant="acme", job_id=job_id(1)).value,
    buttons.JOBS_DELETE_CONFIRM: JobButton(tenant="acme", job_id=job_id(2)).value,
    buttons.CONNECT_DISCONNECT_CONFIRM: TenantButton(tenant="globex").value,
    buttons.JOBS_LIST_NEXT: ListButton(cursor="cursor-1", page=2).value,
    buttons.JOBS_LIST_PREVIOUS: ListButton(cursor="cursor-1", page=1).value,
}
ANY_OTHER = TenantButton(tenant="acme").value


async def test_acknowledges_buttons_promptly(connected: AppHarness, poster: Poster) -> None:
    """Clicks are acknowledged promptly even if Emporix is slow."""
    add_jobs(connected, 20)
    await connected.ada.command("/emporix jobs")
    connected.emporix_state.faults.add(Fault("delay", times=5, seconds=1.5))
    waited = []
    for action_id in discover(bot.listeners).actions:
        pressed = sample_requests.block_actions(action_id, VALUES.get(action_id, ANY_OTHER), "")
        pressed["trigger_id"] = action_id
        begun = time.monotonic()
        assert (await poster.interaction(pressed)).status_code == 200
        waited.append(time.monotonic() - begun)
    assert median(waited) < 0.25
    assert max(waited) < 1.5  # allows for a busy machine; Slack gives up after 3 s
    await poster.settled()
    assert len(connected.emporix_state.faults) == 0


async def _ack(harness: AppHarness, text: str) -> dict[str, Any]:
    order = {"user": "ada", "channel": "general", "text": text}
    answer = await harness.http.post(f"{harness.slack_url}/sandbox/command", json=order, timeout=20)
    told: dict[str, Any] = answer.json()["ack"]
    return told
