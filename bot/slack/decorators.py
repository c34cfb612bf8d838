"""Decorators that make functions listeners, and the registry that finds them in `bot.listeners`."""

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
from bot.rendering.buttons import State, decode

ListenerFunction: TypeAlias = Callable[..., Awaitable[None]]
"""An async function; its parameters are injected (`bot.slack.injection`)."""

Afterwards: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
"""Takes what may follow the ack of an event, such as messages; a failure is logged."""

STATE_PARAMETERS = {"button", "metadata"}
"""The parameters that are decoded into the class of their annotation."""

ShortcutKind: TypeAlias = Literal["message", "global"]
"""Slack: in the menu of each message that all see, or in the menu of the whole workspace."""


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """A listener and what is injected into it. Each is equal to itself alone, and quick to hash.

    `audit` is what the audit log calls a call of it; None if it changes nothing. It has no default,
    so that nobody forgets to decide.
    """

    listener: ListenerFunction
    audit: AuditEvent | None

    @property
    def parameters(self) -> tuple[str, ...]:
        return _parameters(self.listener)

    def states(self, value: str, metadata: str) -> dict[str, State | None]:
        """`button` and `metadata` as the classes that the listener's parameters are annotated with.

        Raises OutdatedButton.
        """
        encoded = {"button": value, "metadata": metadata}
        return {
            name: decode(encoded[name], state) if encoded[name] or not optional else None
            for name, (state, optional) in _states(self.listener).items()
        }


@cache
def _parameters(listener: ListenerFunction) -> tuple[str, ...]:
    return tuple(inspect.signature(listener).parameters)


@cache
def _states(listener: ListenerFunction) -> dict[str, tuple[type[State], bool]]:
    """The state class of each such parameter, and whether the parameter may be None."""
    names = STATE_PARAMETERS.intersection(_parameters(listener))
    hints = get_type_hints(listener) if names else {}
    classes = {name: get_args(hints[name]) or (hints[name],) for name in names}
    return {name: (options[0], NoneType in options) for name, options in classes.items()}


@dataclass(frozen=True, slots=True, eq=False)
class CommandListener(Listener):
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
class ActionListener(Listener):
    """A press of a button with one of these `action_ids`.

    `replaces`: its answer takes the place of the message, which says so meanwhile if it takes long.
    """

    action_ids: tuple[str, ...]
    at_once: bool = False
    replaces: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ShortcutListener(Listener):
    """A shortcut of this `callback_id`, as manifest.yml offers it; it opens a modal."""

    callback_id: str
    name: str
    summary: str
    kind: ShortcutKind
    at_once: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, eq=False)
class SubmissionListener(Listener):
    """A submitted modal with this `callback_id`; its listener answers the ack itself."""

    callback_id: str


@dataclass(frozen=True, slots=True, eq=False)
class OptionsListener(Listener):
    """What is typed into the external select with this `action_id`; answered in the ack."""

    action_id: str


@dataclass(frozen=True, slots=True)
class EventListener(Listener):
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


Hears = TypeVar("Hears", bound=Listener)

LONGEST = 3  # words of a command
ALIKE = 0.7  # from 0 to 1: how near a word must be to be taken for a slip of the fingers
NEAR = 0.6  # the same, to be asked about


class Registry:
    """All listeners, by the words, the action_id, the callback_id or the event they hear."""

    def __init__(self, heard: Iterable[Listener]) -> None:
        self.commands: dict[str, CommandListener] = {}
        self.actions: dict[str, ActionListener] = {}
        self.submissions: dict[str, SubmissionListener] = {}
        self.shortcuts: dict[str, ShortcutListener] = {}
        self.suggestions: dict[str, OptionsListener] = {}
        self.events: dict[str, EventListener] = {}
        self._by_words: dict[str, CommandListener] = {}
        for one in heard:
            self._add(one)

    def find(self, text: str) -> tuple[CommandListener, str]:
        """The command that begins `text`, longest first, and what follows it.

        Raises NotUnderstood, with the nearest command where there is one.
        """
        typed = text.split(maxsplit=LONGEST)
        for count in range(min(LONGEST, len(typed)), 0, -1):
            words = " ".join(typed[:count]).lower()
            if found := self._by_words.get(words):
                self._refuse_slip(words, typed[count:], text)
                return found, _rest(text, count)
        if not typed:
            return self.commands["help"], ""
        raise UnknownCommand(text, self._nearest(" ".join(typed[:2]).lower()))

    def topics(self, text: str) -> tuple[CommandListener, ...]:
        """The commands that begin with these words, or all; raises NotUnderstood where none do."""
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
                self.suggestions[one.action_id] = one
            case EventListener():
                self.events[one.event_type] = one

    def _refuse_slip(self, words: str, rest: list[str], text: str) -> None:
        """`jobs serch refund` is a slip, not a list of the jobs that say "serch refund"."""
        if not rest:
            return
        verbs = [
            longer.removeprefix(f"{words} ")
            for longer in self._by_words
            if longer.startswith(f"{words} ")
        ]
        if near := get_close_matches(rest[0].lower(), verbs, n=1, cutoff=ALIKE):
            raise UnknownCommand(text, f"{words} {near[0]}")

    def _nearest(self, typed: str) -> str:
        near = get_close_matches(typed, self._by_words, n=1, cutoff=NEAR)
        near = near or get_close_matches(typed.split(" ")[0], self._by_words, n=1, cutoff=NEAR)
        return near[0] if near else ""


def known(heard: Mapping[str, Hears], address: object) -> Hears:
    """What is heard at this address; raises OutdatedButton where nothing is."""
    found = heard.get(str(address))
    if found is None:
        raise OutdatedButton
    return found


def discover(package: ModuleType) -> Registry:
    """The listeners of a package and of the packages in it, commands in alphabetical order."""
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
    """What follows the first `count` words, untouched."""
    parts = text.split(maxsplit=count)
    return parts[count].strip() if len(parts) > count else ""
