"""Decorators that turn functions into listeners of commands, clicks, forms and events."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import NoneType
from typing import (
    Any,
    ClassVar,
    Literal,
    TypeAlias,
    get_args,
    get_type_hints,
)

from bot.domain.audit import AuditEvent
from bot.rendering.buttons import ButtonState, decode

ListenerFunction: TypeAlias = Callable[..., Awaitable[None]]
"""An async function whose parameters are injected (`bot.slack.injection`)."""

RunAfterAck: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
"""Starts work after the ack of an event, such as sending messages; a failure is logged."""

STATE_PARAMETERS = {"button", "metadata"}
"""Parameters that are decoded into the class of their annotation."""

ShortcutKind: TypeAlias = Literal["message", "global"]
"""Slack: "message" is in the menu of a message, "global" in the menu of the workspace."""


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """A listener function with its settings; compared by identity.

    `audit` is the event in the audit log, or None if the listener changes nothing. It has no
    default, so each listener must set it. `for_members`: refuses people from other organizations,
    even if the operator lets them use the app.
    """

    function: ListenerFunction
    audit: AuditEvent | None
    for_members: bool = field(default=False, kw_only=True)

    @property
    def parameters(self) -> tuple[str, ...]:
        return _parameters(self.function)

    @property
    def audited_as(self) -> AuditEvent | None:
        """The event that the dispatcher records; None if it has nothing to record."""
        return None if self.audit is None or self.audit.by_service else self.audit

    def states(self, value: str, metadata: str) -> dict[str, ButtonState | None]:
        """Decode `button` and `metadata` into the classes of the listener's annotations.

        Raises OutdatedButton.
        """
        encoded = {"button": value, "metadata": metadata}
        return {
            name: decode(encoded[name], state) if encoded[name] or not optional else None
            for name, (state, optional) in _states(self.function).items()
        }


@cache
def _parameters(listener: ListenerFunction) -> tuple[str, ...]:
    return tuple(inspect.signature(listener).parameters)


@cache
def _states(listener: ListenerFunction) -> dict[str, tuple[type[ButtonState], bool]]:
    """The state class per parameter, and whether the parameter may be None."""
    names = STATE_PARAMETERS.intersection(_parameters(listener))
    hints = get_type_hints(listener) if names else {}
    classes = {name: get_args(hints[name]) or (hints[name],) for name in names}
    return {name: (options[0], NoneType in options) for name, options in classes.items()}


@dataclass(frozen=True, slots=True, eq=False)
class CommandListener(Listener):
    """`/emporix <words> <usage>`; `also` are synonyms of the words.

    `in_ack`: answered in the ack, so the listener can't use the network. `at_once`: opens a modal,
    whose trigger expires after 3 s, so it skips the queue. `without_store`: the template to show
    instead of an error if Redis doesn't answer.
    """

    words: str
    usage: str
    summary: str
    also: tuple[str, ...] = ()
    in_ack: bool = False
    at_once: bool = False
    without_store: str = ""

    @property
    def takes_words(self) -> bool:
        """Whether the command accepts any words, which it uses as search terms."""
        return "filters" in self.usage

    @property
    def takes_id(self) -> bool:
        return "id" in re.findall(r"\w+", self.usage)

    def accepts(self, text: str) -> bool:
        """Whether this command with `text` is more likely than a search that begins similarly."""
        if not text:
            return self.usage.startswith("[")
        return not self.takes_id and ("words" in self.usage or ":" in text)


@dataclass(frozen=True, slots=True, eq=False)
class ActionListener(Listener):
    """A click on a button with one of these `action_ids`.

    `replaces`: the answer replaces the message, which shows a loading state if the answer is slow.
    """

    action_ids: tuple[str, ...]
    at_once: bool = False
    replaces: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ShortcutListener(Listener):
    """A shortcut with this `callback_id`, as in manifest.yml; it opens a modal."""

    callback_id: str
    name: str
    summary: str
    kind: ShortcutKind
    at_once: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, eq=False)
class SubmissionListener(Listener):
    """A submitted modal with this `callback_id`; the listener sends the ack itself."""

    callback_id: str


@dataclass(frozen=True, slots=True, eq=False)
class ClosingListener(Listener):
    """A modal with this `callback_id` that was closed without being submitted.

    Only a view with `notify_on_close` sends this. The listener can't show anything in the modal.
    """

    callback_id: str


@dataclass(frozen=True, slots=True, eq=False)
class OptionsListener(Listener):
    """Text typed into the external select with this `action_id`; answered in the ack."""

    action_id: str


@dataclass(frozen=True, slots=True)
class EventListener(Listener):
    """An event of this type, as subscribed in manifest.yml; `concerns` filters events.

    Slack sends some types very often, so events that don't concern the app are dropped early.
    `before_ack`: acknowledged only after the listener has succeeded, within 3 s; otherwise Slack
    sends the event again, up to three times within 5 minutes. Such a listener may run more than
    once.
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
    without_store: str = "",
) -> Callable[[ListenerFunction], CommandListener]:
    return lambda listener: CommandListener(
        listener, audit, words, usage, summary, also, in_ack, at_once, without_store
    )


def action(
    *action_ids: str,
    audit: AuditEvent | None,
    at_once: bool = False,
    replaces: bool = False,
    for_members: bool = False,
) -> Callable[[ListenerFunction], ActionListener]:
    return lambda listener: ActionListener(
        listener, audit, action_ids, at_once, replaces, for_members=for_members
    )


def submission(
    callback_id: str, *, audit: AuditEvent | None, for_members: bool = False
) -> Callable[[ListenerFunction], SubmissionListener]:
    return lambda listener: SubmissionListener(
        listener, audit, callback_id, for_members=for_members
    )


def closing(
    callback_id: str, *, audit: AuditEvent | None
) -> Callable[[ListenerFunction], ClosingListener]:
    return lambda listener: ClosingListener(listener, audit, callback_id)


def shortcut(
    callback_id: str, name: str, summary: str, *, audit: AuditEvent | None, kind: ShortcutKind
) -> Callable[[ListenerFunction], ShortcutListener]:
    return lambda listener: ShortcutListener(listener, audit, callback_id, name, summary, kind)


def options(
    action_id: str, *, audit: AuditEvent | None
) -> Callable[[ListenerFunction], OptionsListener]:
    return lambda listener: OptionsListener(listener, audit, action_id)


def event(
    event_type: str,
    *,
    audit: AuditEvent | None,
    concerns: Callable[[Mapping[str, Any]], bool] = lambda event: True,
    before_ack: bool = False,
) -> Callable[[ListenerFunction], EventListener]:
    return lambda listener: EventListener(listener, audit, event_type, concerns, before_ack)
