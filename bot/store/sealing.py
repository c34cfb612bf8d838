"""Encrypted records. Workers act on them with a person's API key, so nobody can forge one."""

from __future__ import annotations

import logging
from typing import Any, Generic, TypeVar

from bot.store.serialization import Serializer, Unreadable
from bot.store.vault import Unopenable, Vault, place

T = TypeVar("T")

MOST_LOGGED = 1000

logger = logging.getLogger(__name__)


class Sealing(Generic[T]):
    """Seals and opens the records of one type, each for the one place in Redis where it stands.

    `kind` names them in the log.
    """

    def __init__(self, vault: Vault, kind: str, serializer: Serializer[T]) -> None:
        self._vault, self._kind, self._serializer = vault, kind, serializer
        self._logged: set[int] = set()

    def seal(self, record: T, key: str, field: str = "") -> str:
        """The record, to be written to `key`, or to a field of that hash."""
        return self._vault.seal(self._serializer.write(record), place(key, field))

    def open(self, sealed: str | None, key: str, field: str = "", **said_by_key: Any) -> T | None:
        """The record there; None if there is none, or if it can't be trusted or understood.

        That is logged once by each process, and the record stays: the key that it was encrypted
        with, or the version of the app that understands it, may come back.
        """
        if not sealed:
            return None
        where = place(key, field)
        try:
            return self._serializer.read(self._vault.open(sealed, where), **said_by_key)
        except (Unopenable, Unreadable) as error:
            self._log(hash((where, sealed)), error)
            return None

    def _log(self, record: int, error: Exception) -> None:
        if record in self._logged:
            return
        if len(self._logged) >= MOST_LOGGED:
            self._logged.clear()
        self._logged.add(record)
        logger.warning("a stored %s cannot be opened: %s", self._kind, error)
