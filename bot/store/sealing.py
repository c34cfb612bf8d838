"""Records by which a worker acts with somebody's key: sealed, so that nobody can make one up."""

from __future__ import annotations

import logging

from bot.store.vault import Unopenable, Vault, place

logger = logging.getLogger(__name__)


class Sealing:
    """Seals and opens the records of one kind, each for the one place in Redis where it stands."""

    def __init__(self, vault: Vault, kind: str) -> None:
        self._vault, self._kind = vault, kind

    def seal(self, record: str, key: str, field: str = "") -> str:
        """The record, to be written to `key`, or to a field of that hash."""
        return self._vault.seal(record, place(key, field))

    def open(self, sealed: str | None, key: str, field: str = "") -> str:
        """The record that stands there; empty where there is none, or none that is to be trusted.

        That is logged, and the record stays: the key that it was sealed with may come back.
        """
        if not sealed:
            return ""
        try:
            return self._vault.open(sealed, place(key, field))
        except Unopenable as error:
            logger.warning("a stored %s cannot be opened: %s", self._kind, error)
            return ""
