"""What a listener hears: a command, a shortcut, a button, a submitted modal, typing, an event."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias

from bot.store.audit_events import AuditEvent

Listener: TypeAlias = Callable[..., Awaitable[None]]
"""An async function; its parameters are injected (`bot.slack.injection`)."""

Afterwards: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
"""Takes what may follow the ack of an event, such as messages; a failure is logged."""

ShortcutKind: TypeAlias = Literal["message", "global"]
"""Slack: in the menu of each message that all see, or in the menu of the whole workspace."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A listener and what is injected into it. Each is equal to itself alone, and quick to hash.

    `audit` is what the audit log calls a call of it; None if it changes nothing. It has no default,
    so that nobody forgets to decide.
    """

    listener: Listener
    audit: AuditEvent | None

    @property
    def parameters(self) -> tuple[str, ...]:
        return _parameters(self.listener)


@cache
def _parameters(listener: Listener) -> tuple[str, ...]:
    return tuple(inspect.signature(listener).parameters)


@dataclass(frozen=True, slots=True, eq=False)
class Command(Heard):
    """`/emporix <words> <usage>`; `also` are other words for the same.

    `in_ack`: answered in the acknowledgement itself, so the listener may reach for nothing outside
    the process. `at_once`: opens a modal, whose trigger lives 3 s, so it does not queue.
    """

    words: str
    usage: str
    summary: str
    also: tuple[str, ...] = ()
    in_ack: bool = False
    at_once: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Action(Heard):
    """A press of the button with this `action_id`.

    `replaces`: its answer takes the place of the message, which says so meanwhile if it takes long.
    """

    action_id: str
    at_once: bool = False
    replaces: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Shortcut(Heard):
    """A shortcut of this `callback_id`, as manifest.yml offers it; it opens a modal."""

    callback_id: str
    name: str
    summary: str
    kind: ShortcutKind
    at_once: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, eq=False)
class Submission(Heard):
    """A submitted modal with this `callback_id`; its listener answers the ack itself."""

    callback_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion(Heard):
    """What is typed into the external select with this `action_id`; answered in the ack."""

    action_id: str


@dataclass(frozen=True, slots=True)
class Event(Heard):
    """An event of this type, as manifest.yml subscribes to it; `concerns` filters them.

    Of some types Slack sends very many: what does not concern the app costs it nothing.
    `before_ack`: acknowledged when its listener has succeeded, within 3 s, so that Slack sends it
    again otherwise, up to three times within 5 minutes. Such a listener may run more than once.
    """

    event_type: str
    concerns: Callable[[Mapping[str, Any]], bool] = lambda event: True
    before_ack: bool = False
    at_once: ClassVar[bool] = False


def command(
    words: str,
    usage: str,
    summary: str,
    *,
    audit: AuditEvent | None,
    also: tuple[str, ...] = (),
    in_ack: bool = False,
    at_once: bool = False,
) -> Callable[[Listener], Command]:
    return lambda listener: Command(listener, audit, words, usage, summary, also, in_ack, at_once)


def action(
    action_id: str, *, audit: AuditEvent | None, at_once: bool = False, replaces: bool = False
) -> Callable[[Listener], Action]:
    return lambda listener: Action(listener, audit, action_id, at_once, replaces)


def submission(callback_id: str, *, audit: AuditEvent | None) -> Callable[[Listener], Submission]:
    return lambda listener: Submission(listener, audit, callback_id)


def shortcut(
    callback_id: str, name: str, summary: str, *, audit: AuditEvent | None, kind: ShortcutKind
) -> Callable[[Listener], Shortcut]:
    return lambda listener: Shortcut(listener, audit, callback_id, name, summary, kind)


def suggestion(action_id: str, *, audit: AuditEvent | None) -> Callable[[Listener], Suggestion]:
    return lambda listener: Suggestion(listener, audit, action_id)


def event(
    event_type: str,
    *,
    audit: AuditEvent | None,
    concerns: Callable[[Mapping[str, Any]], bool] = lambda event: True,
    before_ack: bool = False,
) -> Callable[[Listener], Event]:
    return lambda listener: Event(listener, audit, event_type, concerns, before_ack)
