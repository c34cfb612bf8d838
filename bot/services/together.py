"""Several things at once, of which none goes on when the others have come to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any


async def together(*doing: Awaitable[Any]) -> list[Any]:
    """What each gives, in their order; raises the first error when all have ended.

    `asyncio.gather` would raise it at once and leave the others running, with connections that
    nobody closes.
    """
    results = await asyncio.gather(*doing, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
