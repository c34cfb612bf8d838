"""The app answers only its own workspace, its own app and its own users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.slack.decorators import Listener, action, command, event, options, shortcut, submission
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from tests.harness import sample_requests
from tests.harness.dispatch import DispatchHarness, DispatchSetup, FakeDeliveries, open_dispatch
from tests.harness.signed_requests import Poster

OTHER_TEAM, OTHER_APP = "T0PARTNER", "A0OTHER"

Payload = dict[str, Any]
Foreign = Callable[[Payload], Payload]


def of_another_team(payload: Payload) -> Payload:
    """The request as sent from another workspace with its own installation."""
    changed = payload | {"team_id": OTHER_TEAM}
    if "team" in payload:
        changed["team"] = {"id": OTHER_TEAM, "domain": "partner"}
    if "view" in payload:
        changed["view"] = payload["view"] | {"app_installed_team_id": OTHER_TEAM}
    if "authorizations" in payload:
        changed["authorizations"] = [{"team_id": OTHER_TEAM, "is_bot": True}]
    return changed


def of_another_app(payload: Payload) -> Payload:
    return payload | {"api_app_id": OTHER_APP}


def of_an_outsider(payload: Payload) -> Payload:
    """The request as sent by a user of another organization in a shared channel."""
    if "event" in payload:
        return payload | {"event": payload["event"] | {"user_team": OTHER_TEAM}}
    if "user" in payload:
        return payload | {"user": payload["user"] | {"team_id": OTHER_TEAM}}
    return of_another_team(payload)  # a slash command has no other team


FOREIGN: dict[str, Foreign] = {
    "team": of_another_team,
    "app": of_another_app,
    "outsider": of_an_outsider,
}


class Counting:
    """Listeners of each type that count their calls."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def heard(self) -> tuple[Listener, ...]:
        return (
            command("go", "", "", audit=None)(self.listener),
            action("go.button", audit=None)(self.listener),
            submission("go.form", audit=None)(self.form),
            shortcut("go.menu", "Go", "Goes.", kind="message", audit=None)(self.listener),
            shortcut("go.global", "Go", "Goes.", kind="global", audit=None)(self.listener),
            options("go.typed", audit=None)(self.listener),
            event("app_home_opened", audit=None)(self.listener),
        )

    async def listener(self) -> None:
        self.calls += 1

    async def form(self, modal: Any) -> None:
        self.calls += 1
        await modal.close()


class CountsArrivals(FakeDeliveries):
    """Counts the deliveries stored before a listener is called."""

    def __init__(self) -> None:
        self.taken = 0

    async def claim_delivery(self, *args: Any, **named: Any) -> Any:
        self.taken += 1
        return await super().claim_delivery(*args, **named)


Post = Callable[[Poster, Payload], Awaitable[Any]]
KINDS: dict[str, tuple[Callable[[str], Payload], Post]] = {
    "command": (
        lambda url: sample_requests.command("go", url),
        lambda post, body: post.command(body),
    ),
    "button": (
        lambda url: sample_requests.block_actions("go.button", "", url),
        lambda post, body: post.interaction(body),
    ),
    "button in a Home tab": (
        lambda url: sample_requests.home_action("go.button", "", "V1"),
        lambda post, body: post.interaction(body),
    ),
    "submission": (
        lambda url: sample_requests.view_submission("go.form", {}),
        lambda post, body: post.interaction(body),
    ),
    "message shortcut": (
        lambda url: sample_requests.message_action("go.menu", url),
        lambda post, body: post.interaction(body),
    ),
    "shortcut": (
        lambda url: sample_requests.shortcut("go.global"),
        lambda post, body: post.interaction(body),
    ),
    "suggestion": (
        lambda url: sample_requests.block_suggestion("go.typed", "x"),
        lambda post, body: post.interaction(body),
    ),
    "event": (lambda url: sample_requests.app_home_opened(), lambda post, body: post.event(body)),
}


async def sent(harness: DispatchHarness, kind: str, foreign: Foreign) -> Any:
    make, post = KINDS[kind]
    answer = await post(harness.poster, foreign(make(harness.response_url())))
    await harness.poster.settled()
    return answer


@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("kind", KINDS)
async def test_foreign_requests_are_refused(
    kind: str, foreign: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A foreign request of any type calls no listener and stores nothing."""
    caplog.set_level("INFO")
    listeners, arrivals = Counting(), CountsArrivals()
    setup = DispatchSetup(listeners.heard, deliveries=arrivals)
    async with open_dispatch(setup) as harness:
        await sent(harness, kind, lambda payload: payload)
        assert listeners.calls == 1
        taken = arrivals.taken
        answer = await sent(harness, kind, FOREIGN[foreign])
        assert (listeners.calls, arrivals.taken) == (1, taken)
        assert "answered with not_ours" in caplog.text
        if kind in ("command", "submission"):
            assert "This app " in answer.text
        if kind in ("button", "message shortcut"):
            (text,) = harness.texts()
            assert "This app" in text


@pytest.mark.parametrize("allowed", [False, True])
async def test_an_outsider_who_opens_the_home_tab_is_refused(allowed: bool) -> None:
    """An outsider who opens the Home tab is refused, though its authorization is the app's own."""
    listeners = Counting()
    setup = DispatchSetup(listeners.heard, allow_outsiders=allowed)
    async with open_dispatch(setup) as harness:
        await sent(harness, "event", lambda payload: payload | {"team_id": OTHER_TEAM})
    assert listeners.calls == int(allowed)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "command"])
async def test_outsiders_may_be_let_in(kind: str) -> None:
    """With ALLOW_SHARED_CHANNELS, outsiders are admitted, and keep their organization."""
    listeners = Counting()
    setup = DispatchSetup(listeners.heard, allow_outsiders=True)
    async with open_dispatch(setup) as harness:
        await sent(harness, kind, of_an_outsider)
    assert listeners.calls == 1


async def test_slack_is_not_asked_for_each_request(caplog: pytest.LogCaptureFixture) -> None:
    """Slack is asked once; afterwards requests don't need its answer."""
    listeners = Counting()
    async with open_dispatch(DispatchSetup(listeners.heard)) as harness:
        await sent(harness, "command", lambda payload: payload)
        harness.workspace.faults.add(Fault("status", times=999, method="auth.test"))
        for _ in range(3):
            await sent(harness, "button", lambda payload: payload)
    assert listeners.calls == 4


async def test_nothing_is_answered_before_that_is_known() -> None:
    """Until the workspace is known, users are asked to try again."""
    listeners = Counting()
    async with open_dispatch(DispatchSetup(listeners.heard)) as harness:
        fault = Fault("refuse", times=999, method="auth.test", error="invalid_auth")
        harness.workspace.faults.add(fault)
        answer = await sent(harness, "command", lambda payload: payload)
        assert "Try again in a minute" in answer.text
    assert listeners.calls == 0


@pytest.mark.parametrize(
    ("event_type", "admitted"),
    [("app_uninstalled", True), ("tokens_revoked", True), ("app_home_opened", False)],
)
async def test_the_end_of_the_app_is_heard_without_a_token(event_type: str, admitted: bool) -> None:
    """An uninstall is handled even if Slack rejects the token; other events are not."""
    listeners = Counting()
    heard = (
        event(event_type, audit=None, before_ack=event_type != "app_home_opened")(
            listeners.listener
        ),
    )
    async with open_dispatch(DispatchSetup(heard)) as harness:
        harness.workspace.is_token_revoked = True
        body = sample_requests.app_home_opened()
        sent_event = body | {"event": body["event"] | {"type": event_type}}
        assert (await harness.poster.event(sent_event)).status_code == 200
        await harness.poster.settled()
    assert listeners.calls == admitted


async def test_without_the_app_the_workspace_is_checked_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without the scope for bots.info, the workspace is still checked."""
    listeners = Counting()
    async with open_dispatch(DispatchSetup(listeners.heard)) as harness:
        fault = Fault("refuse", times=9, method="bots.info", error="missing_scope")
        harness.workspace.faults.add(fault)
        await sent(harness, "command", lambda payload: payload)
        await sent(harness, "command", of_another_team)
    assert listeners.calls == 1
    assert "the app of the bot token is unknown: missing_scope" in caplog.text


def test_the_samples_are_of_our_workspace() -> None:
    """The samples belong to the app's workspace, so that the tests above prove something."""
    assert sample_requests.command("go")["team_id"] == TEAM_ID != OTHER_TEAM
