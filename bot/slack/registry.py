"""The registry of listeners: finds them in `bot.listeners`, and the command in a line of text."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import NamedTuple, TypeVar

from bot.errors import OutdatedButton, Proposal, UnknownCommand
from bot.services.filters.definitions import corrected_list
from bot.services.filters.reader import lists_jobs
from bot.services.references import job_in_line, mentioned_jobs
from bot.services.similarity import close_matches
from bot.slack.decorators import (
    ActionListener,
    ClosingListener,
    CommandListener,
    EventListener,
    Listener,
    OptionsListener,
    ShortcutListener,
    SubmissionListener,
)

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
