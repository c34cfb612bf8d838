"""Missing entries of what is due are restored by one worker for all of them."""

from __future__ import annotations

import pytest

from bot.store import layout
from bot.tasks.reconcile import EVERY_SECONDS
from tests.listeners.digest.fixtures import set_up
from tests.shop import Shop


async def test_a_digest_that_fell_out_of_the_index_is_due_again(
    connected: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Within ten minutes, and the log says so."""
    await set_up(connected.person("ada", "ops"))
    await connected.worker.work()
    await connected.redis.delete(layout.digests_due(), layout.shift("reconcile"))
    connected.clock.forward(EVERY_SECONDS)
    await connected.worker.work()
    assert await connected.redis.zcard(layout.digests_due()) == 1
    assert "digest digest-1 was in no index and is due again" in caplog.messages


async def test_one_worker_does_it(connected: Shop) -> None:
    """Another that comes within the same ten minutes leaves it alone."""
    await set_up(connected.person("ada", "ops"))
    await connected.worker.work()
    await connected.redis.delete(layout.digests_due())
    connected.clock.forward(EVERY_SECONDS)
    await connected.worker.work()
    assert await connected.redis.zcard(layout.digests_due()) == 0
