"""A canary in Redis: a process whose ENCRYPTION_KEYS cannot read it must not touch what is there.

Such a process would take every stored connection, digest and alert for lost. It is checked on each
new connection, before the connection is given to any command, so nothing can be written without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from bot.store import layout
from bot.store.vault import Unopenable, Vault, place

logger = logging.getLogger(__name__)

TEXT = "emporix-jobs"


class WrongKeys(RedisError):
    """None of the keys of this process reads the canary."""


class Canary:
    """Passed to `bot.store.connection.connect`, once for all clients of a process.

    The first process of all writes it; `create=False` leaves that to others. When it cannot be
    read, `problem` says so for an operator, `stop` is called, and no connection can be used.
    """

    def __init__(
        self, vault: Vault, stop: Callable[[], object] = lambda: None, *, create: bool = True
    ) -> None:
        self._vault, self._stop, self._create = vault, stop, create
        self.problem = ""

    def has_refused(self) -> bool:
        """Whether it kept a connection from being used."""
        return bool(self.problem)

    async def admit(self, connection: Any) -> None:
        """Raises WrongKeys; costs a new connection one round trip."""
        sealed = await _ask(connection, "GET", layout.canary())
        if sealed is None and self._create:
            new = self._vault.seal(TEXT, place(layout.canary()))
            await _ask(connection, "SET", layout.canary(), new, "NX")
            sealed = await _ask(
                connection, "GET", layout.canary()
            )  # another one may have been first
        if sealed is not None:
            self._check(sealed.decode() if isinstance(sealed, bytes) else sealed)

    def _check(self, sealed: str) -> None:
        try:
            self._vault.open(sealed, place(layout.canary()))
        except Unopenable as error:
            if not self.problem:
                self.problem = (
                    "ENCRYPTION_KEYS cannot read the data in this Redis, and nothing was written "
                    f"to it: {layout.canary()} is {error}. Set the keys of the other processes, or "
                    "the REDIS_URL that belongs to these keys, then start again."
                )
                logger.error("stopping: %s", self.problem)
                self._stop()
            raise WrongKeys(str(error)) from error


async def _ask(connection: Any, *command: str) -> Any:
    await connection.send_command(*command, check_health=False)
    return await connection.read_response()
