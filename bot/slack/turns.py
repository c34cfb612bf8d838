"""Whose turn it is: so many run, so many wait, and nobody's many keep another's one waiting."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.errors import Busy

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much runs and waits at once, of all users together and of each one.

    `each_running` is well under `running`, so that whoever comes next need not wait for the end of
    what somebody else has begun.
    """

    running: int = 100
    waiting: int = 400
    each_running: int = 50
    each_waiting: int = 50


LIMITS = Limits()


class Turns(Generic[Item]):
    """Items wait in a queue for each user, and the users take turns.

    An item holds a place from `next` to `leave`. What cannot wait takes none: it comes by `enter`,
    goes by `exit`, and counts for the bounds on all that is there.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queues: dict[Hashable, deque[Item]] = {}
        self._running: Counter[Hashable] = Counter()
        self._beside: Counter[Hashable] = Counter()
        self._ready: deque[Hashable] = deque()
        """Users with an item waiting and a place left, whose turn is next first."""

    @property
    def running(self) -> int:
        """How many places are taken."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    def join(self, user: Hashable, item: Item) -> None:
        """Let `item` wait for its turn; raises Busy where it may not even wait."""
        queue = self._queues.get(user, ())
        if not self._can_run(user, len(queue)) and not self._can_wait(len(queue)):
            raise Busy
        self._queues.setdefault(user, deque()).append(item)
        if not queue and self._has_place(user):
            self._ready.append(user)

    def next(self) -> tuple[Hashable, Item] | None:
        """The next item and its user; None where none waits, or no place is free."""
        if not self._ready or self.running >= self._limits.running:
            return None
        user = self._ready.popleft()
        queue = self._queues[user]
        item = queue.popleft()
        self._running[user] += 1
        if not queue:
            del self._queues[user]
        elif self._has_place(user):
            self._ready.append(user)
        return user, item

    def leave(self, user: Hashable) -> None:
        """Give up the place of an item of `user`'s."""
        had_place = self._has_place(user)
        _count_down(self._running, user)
        if not had_place and user in self._queues:
            self._ready.append(user)

    def enter(self, user: Hashable) -> None:
        """Begin without a place; raises Busy where too much is there already."""
        limits = self._limits
        theirs = self._running[user] + self._beside[user] + len(self._queues.get(user, ()))
        everything = self.running + self._beside.total() + self.waiting
        if everything >= limits.running + limits.waiting:
            raise Busy
        if theirs >= limits.each_running + limits.each_waiting:
            raise Busy
        self._beside[user] += 1

    def exit(self, user: Hashable) -> None:
        """End what came by `enter`."""
        _count_down(self._beside, user)

    def _can_run(self, user: Hashable, queued: int) -> bool:
        return not queued and self._has_place(user) and self.running < self._limits.running

    def _can_wait(self, queued: int) -> bool:
        return queued < self._limits.each_waiting and self.waiting < self._limits.waiting

    def _has_place(self, user: Hashable) -> bool:
        return self._running[user] < self._limits.each_running


def _count_down(counter: Counter[Hashable], user: Hashable) -> None:
    counter[user] -= 1
    if not counter[user]:
        del counter[user]
