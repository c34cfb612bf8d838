"""Several things at once."""

from __future__ import annotations

import asyncio

import pytest

from bot.services.together import together


async def test_gives_all_in_their_order() -> None:
    """Whichever is ready first."""
    ready = asyncio.Event()

    async def late() -> str:
        await ready.wait()
        return "late"

    async def early() -> str:
        ready.set()
        return "early"

    assert await together(late(), early()) == ["late", "early"]


async def test_leaves_nothing_running_behind_an_error() -> None:
    """The error comes when the others have ended, too."""
    ended = False

    async def fail() -> None:
        raise ValueError

    async def go_on() -> None:
        nonlocal ended
        for _ in range(5):
            await asyncio.sleep(0)
        ended = True

    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        await together(fail(), go_on())
    assert ended
