"""Decorators that register listeners, and the registry that finds them in `bot.listeners`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import ModuleType, NoneType
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, get_args, get_type_hints

from bot.domain.audit import AuditEvent
from bot.errors import OutdatedButton, UnknownCommand
from bot.rendering.buttons import ButtonState, decode

ListenerFunction: TypeAlias = Callable[..., Awaitable[None]]
"""An async function whose parameters are injected (`bot.slack.injection`)."""

RunAfterAck: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
"""Starts work after the ack of an event, such as sending messages; a failure is logged."""

STATE_PARAMETERS = {"button", "metadata"}
"""Parameters that are decoded into the class of their annotation."""

ShortcutKind: TypeAlias = Literal["message", "global"]
"""Slack: "message" is in the menu of a message, "global" in that of the workspace."""


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """A listener function with its settings; compared by identity.

    `audit` is the event in the audit log, or None if the listener changes nothing. It has no
    default, so each listener must decide.
    """

    function: ListenerFunction
    audit: AuditEvent | None

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
    whose trigger expires after 3 s, so it skips the queue.
    """

    words: str
    usage: str
    summary: str
    also: tuple[str, ...] = ()
    in_ack: bool = False
    at_once: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ActionListener(Listener):
    """A click on a button with one of these `action_ids`.

    `replaces`: the answer replaces the message, which shows a loading state if it takes long.
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
) -> Callable[[ListenerFunction], CommandListener]:
    return lambda listener: CommandListener(
        listener, audit, words, usage, summary, also, in_ack, at_once
    )


def action(
    *action_ids: str, audit: AuditEvent | None, at_once: bool = False, replaces: bool = False
) -> Callable[[ListenerFunction], ActionListener]:
    return lambda listener: ActionListener(listener, audit, action_ids, at_once, replaces)


def submission(
    callback_id: str, *, audit: AuditEvent | None
) -> Callable[[ListenerFunction], SubmissionListener]:
    return lambda listener: SubmissionListener(listener, audit, callback_id)


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


ListenerType = TypeVar("ListenerType", bound=Listener)

MAX_COMMAND_WORDS = 3  # words of a command
SLIP_SIMILARITY = 0.7  # from 0 to 1: minimum similarity of a word to count as a typo
SUGGESTION_SIMILARITY = 0.6  # the same, for a suggestion


class Registry:
    """All listeners by command, action_id, callback_id or event type."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self.commands: dict[str, CommandListener] = {}
        self.actions: dict[str, ActionListener] = {}
        self.submissions: dict[str, SubmissionListener] = {}
        self.shortcuts: dict[str, ShortcutListener] = {}
        self.options: dict[str, OptionsListener] = {}
        self.events: dict[str, EventListener] = {}
        self._by_words: dict[str, CommandListener] = {}
        for one in listeners:
            self._add(one)

    def find(self, text: str) -> tuple[CommandListener, str]:
        """The longest command at the start of `text`, and the rest of `text`.

        Raises NotUnderstood, with the most similar command if there is one.
        """
        typed = text.split(maxsplit=MAX_COMMAND_WORDS)
        for count in range(min(MAX_COMMAND_WORDS, len(typed)), 0, -1):
            words = " ".join(typed[:count]).lower()
            if found := self._by_words.get(words):
                self._refuse_slip(words, typed[count:], text)
                return found, _rest(text, count)
        if not typed:
            return self.commands["help"], ""
        raise UnknownCommand(text, self._nearest(" ".join(typed[:2]).lower()))

    def topics(self, text: str) -> tuple[CommandListener, ...]:
        """The commands that begin with these words, or all; raises NotUnderstood if none do."""
        if not text:
            return tuple(self.commands.values())
        wanted = " ".join(text.lower().removeprefix("/emporix").split())
        found = tuple(
            command
            for words, command in self.commands.items()
            if f"{words} ".startswith(f"{wanted} ") or not wanted
        )
        if not found:
            raise UnknownCommand(text, self._nearest(wanted))
        return found

    def _add(self, one: Listener) -> None:
        match one:
            case CommandListener():
                self.commands[one.words] = one
                for words in (one.words, *one.also):
                    self._by_words[words] = one
            case ActionListener():
                self.actions.update(dict.fromkeys(one.action_ids, one))
            case SubmissionListener():
                self.submissions[one.callback_id] = one
            case ShortcutListener():
                self.shortcuts[one.callback_id] = one
            case OptionsListener():
                self.options[one.action_id] = one
            case EventListener():
                self.events[one.event_type] = one

    def _refuse_slip(self, words: str, rest: list[str], text: str) -> None:
        """Refuse `jobs serch refund` as a typo, instead of searching for "serch refund"."""
        if not rest:
            return
        verbs = [
            longer.removeprefix(f"{words} ")
            for longer in self._by_words
            if longer.startswith(f"{words} ")
        ]
        if near := get_close_matches(rest[0].lower(), verbs, n=1, cutoff=SLIP_SIMILARITY):
            raise UnknownCommand(text, f"{words} {near[0]}")

    def _nearest(self, typed: str) -> str:
        near = get_close_matches(typed, self._by_words, n=1, cutoff=SUGGESTION_SIMILARITY)
        near = near or get_close_matches(
            typed.split(" ")[0], self._by_words, n=1, cutoff=SUGGESTION_SIMILARITY
        )
        return near[0] if near else ""


def listener_for(listeners: Mapping[str, ListenerType], address: object) -> ListenerType:
    """The listener for this id; raises OutdatedButton if there is none."""
    found = listeners.get(str(address))
    if found is None:
        raise OutdatedButton
    return found


def discover(package: ModuleType) -> Registry:
    """The listeners of a package and its subpackages, commands in alphabetical order."""
    found = [
        value
        for module in _modules(package)
        for value in vars(module).values()
        if isinstance(value, Listener)
    ]
    return Registry(sorted(found, key=_words))


def _words(listener: Listener) -> str:
    return listener.words if isinstance(listener, CommandListener) else ""


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def _rest(text: str, count: int) -> str:
    """The text after the first `count` words, unchanged."""
    parts = text.split(maxsplit=count)
    return parts[count].strip() if len(parts) > count else ""
