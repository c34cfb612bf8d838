"""How far a clean-up has come: numbers that always add up to the jobs that were counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.store.clean_results import ALREADY_GONE, DELETED
from bot.store.cleans import Clean

INTERRUPTED = "interrupted"
"""Why a clean-up ended that made no progress for 30 minutes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`results` counts the jobs that have come to an end by how; `state` is what goes on.

    It is waiting (for a worker), looking (for the ids), exporting (the jobs to their owner),
    deleting, pausing (`trouble` is the name of the error) or stopping; and ended, then `clean.why`
    says how.
    """

    clean: Clean
    results: Mapping[str, int] = field(default_factory=dict)
    state: str = "waiting"
    trouble: str = ""

    @property
    def deleted(self) -> int:
        return self.results.get(DELETED, 0)

    @property
    def already_gone(self) -> int:
        return self.results.get(ALREADY_GONE, 0)

    @property
    def refused(self) -> dict[str, int]:
        """How many jobs Emporix refused to delete, by the name of the error."""
        gone = (DELETED, ALREADY_GONE)
        return {name: count for name, count in self.results.items() if name not in gone}

    @property
    def missing(self) -> int:
        """Jobs that were counted, and not there any more as they were when their ids were read."""
        return 0 if self.clean.found is None else self.clean.counted - self.clean.found

    @property
    def left(self) -> int:
        """Jobs that nobody has tried to delete, or not to an end."""
        return self.clean.counted - self.missing - sum(self.results.values())

    @property
    def percent(self) -> int:
        """Of the jobs that were counted, those that are done with."""
        return 100 * (self.clean.counted - self.left) // max(1, self.clean.counted)
