"""A tenant of Emporix: its jobs and its agents."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.emporix.json_paths import Document, reader

Order = tuple[tuple[str, bool], ...]
"""Sort keys, most important first: a dotted path, and whether the order is descending."""

Rank = tuple[int, float, str]

NEWEST_FIRST: Order = (("metadata.createdAt", True),)


class Collection:
    """Documents by id. Requested sort orders are cached until a document changes."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._sorted: dict[Order, list[Document]] = {}

    def __len__(self) -> int:
        return len(self._documents)

    def get(self, document_id: str) -> Document | None:
        return self._documents.get(document_id)

    def put(self, document: Document) -> None:
        self._documents[document["id"]] = document
        self._sorted.clear()

    def remove(self, document_id: str) -> bool:
        """Remove a document; return whether it existed."""
        self._sorted.clear()
        return self._documents.pop(document_id, None) is not None

    def sorted(self, order: Order) -> list[Document]:
        """Return all documents in this order.

        Missing values sort first. The list must not be modified.
        """
        if order not in self._sorted:
            self._sorted[order] = self._sort(order)
        return self._sorted[order]

    def _sort(self, order: Order) -> list[Document]:
        found = list(self._documents.values())
        for path, descending in reversed(order):
            found.sort(key=_ranking(path), reverse=descending)
        return found


class Tenant:
    def __init__(self, name: str) -> None:
        self.name = name
        self.jobs = Collection()
        self.agents = Collection()

    def is_enabled(self, agent_id: str) -> bool:
        """Whether an agent can start jobs; one that was deleted counts as enabled."""
        return (self.agents.get(agent_id) or {}).get("enabled") is not False


def _ranking(path: str) -> Callable[[Document], Rank]:
    read = reader(path)
    return lambda document: _rank(read(document))


def _rank(value: object) -> Rank:
    """Make values of any type comparable: missing values, then numbers, then strings."""
    if value is None:
        return (0, 0, "")
    if isinstance(value, int | float):
        return (1, value, "")
    return (2, 0, value if isinstance(value, str) else repr(value))
