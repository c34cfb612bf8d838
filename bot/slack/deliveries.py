"""What becomes of a delivery before anybody hears it."""

from __future__ import annotations

from typing import Protocol

from bot.models import Caller
from bot.store.arrivals import Arrival


class TakesDeliveries(Protocol):
    """Redis, as seen from here: is this delivery new, who is asking, and in which list?"""

    async def take(
        self, caller: Caller, delivery: str, reference: str, cursor_id: str, *, by_person: bool
    ) -> Arrival | None: ...
