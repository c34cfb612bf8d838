"""Decorators that register listeners, and the registry that finds them in `bot.listeners`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType, NoneType
from typing import (
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    get_args,
    get_type_hints,
)

from bot.domain.audit import AuditEvent
from bot.errors import OutdatedButton, Proposal, UnknownCommand
from bot.rendering.buttons import ButtonState, decode
from bot.services.filters.definitions import corrected_list
from bot.services.filters.reader import lists_jobs
from bot.services.references import job_in_line, mentioned_jobs
from bot.services.similarity import close_matches

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


ListenerType = TypeVar("ListenerType", bound=Listener)

MAX_COMMAND_WORDS = 3
TYPO_SIMILARITY = 0.7
"""The similarity, from 0 to 1, at which a word counts as a mistyped command."""

JOBS = "jobs "
_LIKE_AN_ID = re.compile(r"[<(`'\"#*]*([0-9a-fA-F-]*\d[0-9a-fA-F-]*|https?://\S+)\W*", re.ASCII)


class FoundCommand(NamedTuple):
    """A command, the text after it, and another command that may have been meant instead."""

    listener: CommandListener
    text: str
    proposal: Proposal | None = None


class Registry:
    """All listeners, by their words, action_id, callback_id or type of event."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self.commands: dict[str, CommandListener] = {}
        self.actions: dict[str, ActionListener] = {}
        self.submissions: dict[str, SubmissionListener] = {}
        self.closings: dict[str, ClosingListener] = {}
        self.shortcuts: dict[str, ShortcutListener] = {}
        self.options: dict[str, OptionsListener] = {}
        self.events: dict[str, EventListener] = {}
        self._by_words: dict[str, CommandListener] = {}
        for one in listeners:
            self._add(one)
        self._verbs = {
            words: [
                longer.removeprefix(f"{words} ")
                for longer in self._by_words
                if longer.startswith(f"{words} ")
            ]
            for words in self._by_words
        }
        self._without_jobs = {
            words.removeprefix(JOBS): words
            for words in self._by_words
            if words.startswith(JOBS) and words.removeprefix(JOBS) not in self._by_words
        }

    def find(self, text: str) -> FoundCommand:
        """The longest command at the start of `text`, and the text after it.

        An id or a link alone opens the job, and job commands work without `jobs`. A date alone, or
        a line like "show failed jobs", lists jobs. Raises UnknownCommand, with proposals.
        """
        if exact := self._by_words.get(text):
            return FoundCommand(exact, "")
        if (job_id := job_in_line(text)) and (get := self.commands.get("jobs get")):
            search = Proposal(f'jobs search "{job_id}"', f"Search messages for {job_id}")
            return FoundCommand(get, job_id, search)
        if (listed := self.commands.get("jobs list")) and lists_jobs(text):
            return FoundCommand(listed, text)
        typed = text.split(maxsplit=MAX_COMMAND_WORDS)
        for count in range(min(MAX_COMMAND_WORDS, len(typed)), 0, -1):
            words = " ".join(typed[:count]).lower()
            if full := self._without_jobs.get(words):
                return FoundCommand(self._by_words[full], _rest(text, count))
            if found := self._by_words.get(words):
                return FoundCommand(
                    found, _rest(text, count), self._mistyped_command(words, count, text)
                )
        if not typed:
            return FoundCommand(self._by_words.get("") or self.commands["help"], "")
        raise UnknownCommand(text, self._proposals(text))

    def topics(self, text: str) -> tuple[CommandListener, ...]:
        """The commands that start with `text`, or all; raises UnknownCommand, with topics."""
        if not text:
            return tuple(self.commands.values())
        wanted = " ".join(text.lower().removeprefix("/emporix").split())
        found = tuple(
            command
            for words, command in self.commands.items()
            if f"{words} ".startswith((f"{wanted} ", f"{JOBS}{wanted} ")) or not wanted
        )
        if not found:
            topics = tuple(dict.fromkeys(words.split()[0] for words in self.commands))
            near = close_matches(wanted, topics, n=1, cutoff=TYPO_SIMILARITY)
            proposals = tuple(Proposal(f"help {topic}", f"Help on {topic}") for topic in near)
            raise UnknownCommand(text, proposals, topics)
        return found

    def _add(self, one: Listener) -> None:
        match one:
            case CommandListener():
                self.commands.update({one.words: one} if one.words else {})
                self._by_words.update(dict.fromkeys((one.words, *one.also), one))
            case ActionListener():
                self.actions.update(dict.fromkeys(one.action_ids, one))
            case SubmissionListener():
                self.submissions[one.callback_id] = one
            case ClosingListener():
                self.closings[one.callback_id] = one
            case ShortcutListener():
                self.shortcuts[one.callback_id] = one
            case OptionsListener():
                self.options[one.action_id] = one
            case EventListener():
                self.events[one.event_type] = one

    def _mistyped_command(self, words: str, count: int, text: str) -> Proposal | None:
        """The command that was probably meant by a mistyped word, as in `jobs serch refund`.

        If the command `words` accepts search terms, it still runs, unless the rest of the line is
        only a mistyped command and an id. Otherwise, raises UnknownCommand.
        """
        rest, start, verbs = _rest(text, count), f"{words} ", self._verbs[words]
        if not rest or not verbs:
            return None
        first = rest.split(maxsplit=1)[0].lower()
        near = close_matches(first, verbs, n=1, cutoff=TYPO_SIMILARITY)
        if not near:
            return None
        found, after = self._by_words[start + near[0]], _rest(text, count + 1)
        proposal = Proposal(f"{start}{near[0]} {after}".strip())
        literal = Proposal(f"{self._by_words[words].words} {rest}")
        if not self._by_words[words].takes_words:
            raise UnknownCommand(text, (proposal, literal))
        if found.takes_id and _LIKE_AN_ID.fullmatch(after):
            raise UnknownCommand(text, (proposal, literal))
        return proposal if found.accepts(after) else None

    def _proposals(self, text: str) -> tuple[Proposal, ...]:
        """Proposes to open the job in a line, a similar command, and a search for the whole line.

        For `mute`, the most similar command is `alerts mute`.
        """
        typed = text.lower().split()
        lists = JOBS.strip() in self._by_words
        ending = (words for words in self.commands if words.split()[1:] == typed[:1])
        found = [Proposal(f"{words} {_rest(text, 1)}".strip()) for words in ending]
        known = {**{words: words for words in self._by_words}, **self._without_jobs}
        for count in () if found else (2, 1):
            likely = [
                words
                for words in known
                if words.count(" ") == count - 1
                and close_matches(typed[0], [words.partition(" ")[0]])  # not "please open"
            ]
            start = " ".join(typed[:count])
            if near := close_matches(start, likely, n=1, cutoff=TYPO_SIMILARITY):
                found.append(Proposal(f"{known[near[0]]} {_rest(text, count)}".strip()))
                break
        if lists and not found and (corrected := corrected_list(text)):
            found.append(Proposal(f"jobs list {corrected}"))
        if lists:
            ids = mentioned_jobs([text])
            found[:0] = [Proposal(f"jobs get {ids[0]}", "Open job")] if len(ids) == 1 else []
            found.append(Proposal(f"jobs list {text}", f'Search jobs for "{text}"'))
        return tuple(found)


def listener_for(listeners: Mapping[str, ListenerType], address: object) -> ListenerType:
    """The listener for this id; raises OutdatedButton if there is none."""
    found = listeners.get(str(address))
    if found is None:
        raise OutdatedButton
    return found


def discover(package: ModuleType) -> Registry:
    """The listeners of a package and its subpackages, with commands in alphabetical order."""
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
