"""Which listener hears what: found in the package of the listeners, listed nowhere else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import TypeVar

from bot.errors import NotUnderstood, OutdatedButton
from bot.slack.hear import Action, Command, Event, Heard, Shortcut, Submission, Suggestion

Hears = TypeVar("Hears", bound=Heard)

LONGEST = 3  # words of a command
ALIKE = 0.7  # from 0 to 1: how near a word must be to be taken for a slip of the fingers
NEAR = 0.6  # the same, to be asked about


class Registry:
    """All listeners, by the words, the action_id, the callback_id or the event they hear."""

    def __init__(self, heard: Iterable[Heard]) -> None:
        self.commands: dict[str, Command] = {}
        self.actions: dict[str, Action] = {}
        self.submissions: dict[str, Submission] = {}
        self.shortcuts: dict[str, Shortcut] = {}
        self.suggestions: dict[str, Suggestion] = {}
        self.events: dict[str, Event] = {}
        self._by_words: dict[str, Command] = {}
        for one in heard:
            self._add(one)

    def find(self, text: str) -> tuple[Command, str]:
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
        raise NotUnderstood(text, self._nearest(" ".join(typed[:2]).lower()))

    def topics(self, text: str) -> tuple[Command, ...]:
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
            raise NotUnderstood(text, self._nearest(wanted))
        return found

    def _add(self, one: Heard) -> None:
        match one:
            case Command():
                self.commands[one.words] = one
                for words in (one.words, *one.also):
                    self._by_words[words] = one
            case Action():
                self.actions.update(dict.fromkeys(one.action_ids, one))
            case Submission():
                self.submissions[one.callback_id] = one
            case Shortcut():
                self.shortcuts[one.callback_id] = one
            case Suggestion():
                self.suggestions[one.action_id] = one
            case Event():
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
            raise NotUnderstood(text, f"{words} {near[0]}")

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
    """The listeners of a package and of the packages in it."""
    return Registry(
        value
        for module in _modules(package)
        for value in vars(module).values()
        if isinstance(value, Heard)
    )


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def _rest(text: str, count: int) -> str:
    """What follows the first `count` words, untouched."""
    parts = text.split(maxsplit=count)
    return parts[count].strip() if len(parts) > count else ""
