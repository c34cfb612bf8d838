"""Every change writes one entry to the audit log, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import bot.listeners
from bot.domain.accounts import Caller
from bot.domain.audit import AuditEntry, AuditEvent
from bot.errors import AdminsOnly, BotError, NotInChannel
from bot.rendering.renderer import Renderer
from bot.slack.audit import AuditDraft
from bot.slack.decorators import Listener, action, discover, submission
from bot.slack.modals import SubmittedModal
from bot.slack.reply import Reply
from bot.store.audit import AuditLog
from bot.store.connection import connect
from tests.harness import sample_requests
from tests.harness.dispatch import DispatchHarness, DispatchSetup, open_dispatch

ADA = Caller("T0ACME", "U0ADA")
REGISTRY = discover(bot.listeners)

HARMLESS = [
    "action agents.ask",
    "action agents.next",
    "action agents.previous",
    "action agents.refresh",
    "action alerts.list.jobs",
    "action alerts.notify.agent",
    "action alerts.notify.open",
    "action alerts.on.open",
    "action alerts.open.ask_date",
    "action connect.disconnect_ask",
    "action connect.disconnect_cancel",
    "action connect.open",
    "action connect.portal",
    "action digest.delete.ask",
    "action digest.delete.cancel",
    "action digest.edit.open",
    "action digest.new.days",
    "action digest.new.open",
    "action digest.preview.show",
    "action help.run",
    "action help.run_fourth",
    "action help.run_second",
    "action help.run_third",
    "action home.alerts.ask_off",
    "action home.jobs.failed",
    "action home.jobs.filter",
    "action home.jobs.running",
    "action home.jobs.search",
    "action home.open.refresh",
    "action jobs.clean.ask_again",
    "action jobs.clean.cancel",
    "action jobs.clean.open",
    "action jobs.csv.download",
    "action jobs.csv.download_jobs",
    "action jobs.csv.download_shared",
    "action jobs.delete.cancel",
    "action jobs.delete_mentioned.ask",
    "action jobs.delete_mentioned.select",
    "action jobs.export.download",
    "action jobs.filter.change",
    "action jobs.filter.edit",
    "action jobs.filter.more",
    "action jobs.filter.period",
    "action jobs.filter.words",
    "action jobs.find.instead",
    "action jobs.get.dashboard",
    "action jobs.get.next",
    "action jobs.get.open",
    "action jobs.get.previous",
    "action jobs.get.whole",
    "action jobs.imports.next",
    "action jobs.imports.open",
    "action jobs.imports.previous",
    "action jobs.list.again",
    "action jobs.list.all",
    "action jobs.list.first",
    "action jobs.list.last",
    "action jobs.list.next",
    "action jobs.list.previous",
    "action jobs.list.refresh",
    "action jobs.list.suggestion",
    "action jobs.list.typed",
    "action jobs.list.typed_second",
    "action jobs.list.typed_third",
    "action jobs.list.wider_fifth",
    "action jobs.list.wider_fourth",
    "action jobs.list.wider_second",
    "action jobs.list.wider_third",
    "action jobs.log.filter",
    "action jobs.log.next",
    "action jobs.log.open",
    "action jobs.log.previous",
    "action jobs.log.technical",
    "action jobs.run_again.ask",
    "action jobs.search_results.first",
    "action jobs.search_results.last",
    "action jobs.search_results.next",
    "action jobs.search_results.previous",
    "action jobs.search_results.refresh",
    "action jobs.share.ask",
    "action jobs.share.cancel",
    "action jobs.share_mentioned.ask",
    "action jobs.share_mentioned.choose",
    "closing jobs.get.closed",
    "command agents",
    "command alerts list",
    "command alerts open",
    "command connect",
    "command digest delete",
    "command digest list",
    "command digest new",
    "command digest preview",
    "command disconnect",
    "command failed",
    "command help",
    "command jobs clean",
    "command jobs delete",
    "command jobs get",
    "command jobs list",
    "command jobs search",
    "command running",
    "command tenants",
    "event app_home_opened",
    "event channel_shared",
    "event channel_unshared",
    "options alerts.notify.agent",
    "options alerts.notify.group",
    "options jobs.filter.agent",
    "shortcut jobs.delete_mentioned.start",
    "shortcut jobs.filter.start",
    "shortcut jobs.find.start",
    "submission jobs.delete_mentioned.chosen",
    "submission jobs.filter.submit",
    "submission jobs.share_mentioned.chosen",
]
"""The listeners that record nothing, reviewed: they show, ask or open something.

A listener belongs here if a call of it changes nothing that another person can see or rely on.
"""

SELF_EXPLAINING = {AuditEvent.AUDIT_READ, AuditEvent.APP_UNINSTALLED, AuditEvent.TOKEN_REVOKED}
"""Their entries need nothing but the event and the person."""


def _errors(kind: type[BotError]) -> Iterator[type[BotError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _errors(one)


def _all() -> Iterator[tuple[str, Listener]]:
    by_kind: Sequence[dict[str, Any]] = (
        REGISTRY.commands,
        REGISTRY.actions,
        REGISTRY.submissions,
        REGISTRY.closings,
        REGISTRY.shortcuts,
        REGISTRY.options,
        REGISTRY.events,
    )
    for heard in by_kind:
        for address, one in heard.items():
            yield f"{type(one).__name__.removesuffix('Listener').lower()} {address}", one


def test_listeners_without_an_entry_were_reviewed() -> None:
    """Every listener without an audit entry is in the list above, so none is added unnoticed."""
    assert sorted(name for name, one in _all() if one.audit is None) == HARMLESS


def test_entries_name_their_subject() -> None:
    """Each recorded listener completes its entry, unless the event says everything."""
    silent = [
        name
        for name, one in _all()
        if one.audit
        and not one.audit.by_service
        and one.audit not in SELF_EXPLAINING
        and "audit_entry" not in one.parameters
    ]
    assert silent == []


def test_every_event_is_used() -> None:
    """Every event name is used; pauses are recorded by the worker."""
    heard = {one.audit for _, one in _all()}
    assert set(AuditEvent) - heard == {AuditEvent.ALERT_PAUSED}


class Acts:
    """A listener that ends as the test wants and fills in its entry."""

    def __init__(self, error: Exception | None = None, *, late: bool = False) -> None:
        self._error, self._late = error, late
        self.heard = (
            action("go.button", audit=AuditEvent.DIGEST_PAUSED)(self.pause),
            action("go.look", audit=None)(self.look),
            action("go.skip", audit=AuditEvent.WATCH_STOPPED)(self.skip),
            action("go.job", audit=AuditEvent.JOB_DELETED)(self.look),
            submission("go.form", audit=AuditEvent.DIGEST_CREATED)(self.fill_in),
        )

    async def pause(self, reply: Reply, audit_entry: AuditDraft) -> None:
        audit_entry.subject, audit_entry.tenant = "Daily", "acme"
        if self._late:
            audit_entry.mark_made()
        if self._error:
            raise self._error
        await reply("dismissed", action="delete_digest")

    async def look(self, reply: Reply) -> None:
        await reply("dismissed", action="delete_digest")

    async def skip(self, audit_entry: AuditDraft) -> None:
        audit_entry.skip()

    async def fill_in(self, modal: SubmittedModal, audit_entry: AuditDraft) -> None:
        audit_entry.refuse()
        await modal.close()


async def _press(harness: DispatchHarness, *buttons: str) -> None:
    for button in buttons:
        pressed = sample_requests.block_actions(button, "packed", harness.response_url())
        assert (await harness.poster.interaction(pressed)).status_code == 200
        await harness.poster.settled()


@pytest.mark.parametrize(
    ("error", "late", "result"),
    [
        (None, False, "done"),
        (AdminsOnly(), False, "admins_only"),
        (NotInChannel("C0OPS"), False, "not_in_channel"),
        (ZeroDivisionError(), False, "unknown"),
        (AdminsOnly(), True, "done"),
    ],
)
async def test_a_call_leaves_one_entry(
    redis: Any, error: Exception | None, late: bool, result: str
) -> None:
    """A call writes one entry with its result: done, refused or failed; errors after the change
    don't count.
    """
    log = AuditLog(redis)
    async with open_dispatch(DispatchSetup(Acts(error, late=late).heard, audit=log)) as harness:
        await _press(harness, "go.button")
    (entry,) = await log.latest(ADA, 10)
    assert entry == AuditEntry(
        entry.at,
        "digest.paused",
        "U0ADA",
        result,
        tenant="acme",
        subject="Daily",
        channel_id=entry.channel_id,
    )


async def test_requests_without_changes_write_no_entry(redis: Any) -> None:
    """Reads, repeated changes and changes that a service records write no entry."""
    log = AuditLog(redis)
    async with open_dispatch(DispatchSetup(Acts().heard, audit=log)) as harness:
        await _press(harness, "go.look", "go.skip", "go.job")
    assert await log.latest(ADA, 10) == ()


async def test_a_form_that_is_answered_with_errors_was_refused(redis: Any) -> None:
    """A form that is answered with field errors is recorded as refused."""
    log = AuditLog(redis)
    async with open_dispatch(DispatchSetup(Acts().heard, audit=log)) as harness:
        await harness.poster.interaction(
            sample_requests.view_submission("go.form", {"name": "Ada"})
        )
        await harness.poster.settled()
    assert [(e.event, e.result) for e in await log.latest(ADA, 10)] == [
        ("digest.created", "refused")
    ]


async def test_a_request_of_another_workspace_is_recorded(redis: Any) -> None:
    """A request from another workspace is recorded once, in the app's own workspace."""
    log = AuditLog(redis)
    async with open_dispatch(DispatchSetup(Acts().heard, audit=log)) as harness:
        pressed = sample_requests.block_actions("go.button", "packed", harness.response_url())
        pressed["user"]["team_id"] = "T0OTHER"
        await harness.poster.interaction(pressed)
        await harness.poster.settled()
    assert [(e.event, e.result) for e in await log.latest(ADA, 10)] == [
        ("digest.paused", "not_ours")
    ]


async def test_an_entry_that_redis_does_not_take_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If Redis fails, the user gets the usual answer, and the log contains the change."""
    lines: list[str] = []
    log = AuditLog(connect("redis://127.0.0.1:1"), write=lines.append)
    async with open_dispatch(DispatchSetup(Acts().heard, audit=log)) as harness:
        await _press(harness, "go.button")
        assert len(harness.texts()) == 1
    assert "could not store an audit entry: digest.paused: done" in caplog.text
    (line,) = map(json.loads, lines)
    assert (line["event"], line["user"], line["stored"]) == ("digest.paused", "U0ADA", False)


async def test_the_json_line_equals_the_entry(redis: Any) -> None:
    """Each entry is also logged as one JSON line with the request's reference, regardless of its
    text.
    """
    lines: list[str] = []
    log = AuditLog(redis, write=lines.append)
    async with open_dispatch(DispatchSetup(Acts().heard, audit=log)) as harness:
        await _press(harness, "go.button")
    await log.try_record(AuditEvent.DIGEST_DELETED, ADA, subject='two\nlines \u2028 "x"')
    first, second = map(json.loads, lines)
    assert all("\n" not in line and line.isascii() for line in lines)
    assert len(first.pop("reference")) == 8
    assert first.pop("at")[:2] == "20"
    assert first == {
        "event": "digest.paused",
        "team": "T0ACME",
        "user": "U0ADA",
        "owner": "",
        "tenant": "acme",
        "channel": first["channel"],
        "subject": "Daily",
        "detail": "",
        "result": "done",
        "count": 0,
        "deleted": 0,
        "stored": True,
    }
    assert second["subject"] == 'two\nlines \u2028 "x"'


@pytest.mark.parametrize("event", AuditEvent)
def test_every_event_has_words(event: AuditEvent) -> None:
    """Every event is shown as a sentence, never by its name in Redis."""
    entry = AuditEntry(1, event, "U0ADA", "done", "acme", "C0OPS", "Daily", "U0GRACE", count=2)
    shown = str(Renderer.default().render("audit", entries=[entry], running=[]))
    assert event not in shown
    assert "tried to" not in shown


@pytest.mark.parametrize("template", sorted({one.template for one in _errors(BotError)}))
def test_every_refusal_has_words(template: str) -> None:
    """Every refusal is shown as a reason, never by the name of an error."""
    entry = AuditEntry(1, "digest.paused", "U0ADA", template, subject="Daily")
    shown = str(Renderer.default().render("audit", entries=[entry], running=[]))
    assert "tried to pause the digest “Daily” (" in shown
    assert f": {template})" not in shown
