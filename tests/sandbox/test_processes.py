"""The switch of the worker, also with several clicks at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sandbox.processes import ProcessSwitch


class Process:
    """Counts its starts and ends."""

    def __init__(self) -> None:
        self.started = self.ended = 0
        self.is_broken = False

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        if self.is_broken:
            raise OSError("no such program")
        self.started += 1
        await asyncio.sleep(0)
        yield
        self.ended += 1


async def test_a_process_is_off_until_it_is_switched_on() -> None:
    """A process starts with `on` and ends with `off`."""
    process = Process()
    switch = ProcessSwitch(process.run)
    assert not switch.is_on
    await switch.switch(False)
    await switch.switch(True)
    assert (switch.is_on, process.started, process.ended) == (True, 1, 0)
    await switch.switch(False)
    assert (switch.is_on, process.started, process.ended) == (False, 1, 1)


async def test_concurrent_clicks_start_one_process() -> None:
    """Two concurrent clicks start one process."""
    process = Process()
    switch = ProcessSwitch(process.run)
    await asyncio.gather(*(switch.switch(True) for _ in range(5)))
    assert process.started == 1
    await asyncio.gather(*(switch.switch(False) for _ in range(5)))
    assert process.ended == 1


async def test_a_process_that_fails_to_start_is_off() -> None:
    """A process that fails to start is off and can be started again."""
    process = Process()
    switch = ProcessSwitch(process.run)
    process.is_broken = True
    with pytest.raises(OSError, match="no such program"):
        await switch.switch(True)
    assert not switch.is_on
    process.is_broken = False
    await switch.switch(True)
    assert switch.is_on
