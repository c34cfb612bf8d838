"""Redis errors are classified by their codes, and logged at a limited rate."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.exceptions import ResponseError

from bot.errors import StoreUnavailable
from bot.store.connection import connect, translate_redis_errors
from bot.store.encryption import WrongEncryptionKeys
from bot.store.errors import REDIS_LOG_INTERVAL_SECONDS, RedisErrorLog, error_kind
from tests.harness.clock import FakeClock

WRITE = "return redis.call('INCR', KEYS[1])"


@pytest.fixture
def trouble(clock: FakeClock) -> RedisErrorLog:
    return RedisErrorLog(clock)


async def refused(call: Any) -> str:
    """The kind of error that a call raises."""
    with pytest.raises(StoreUnavailable) as error, translate_redis_errors():
        await call
    return str(error.value)


async def test_names_a_full_redis(redis: Any) -> None:
    """A full Redis is named by its code, also if a script failed."""
    script = redis.register_script(WRITE)
    await script(keys=["key"])
    await redis.config_set("maxmemory", 1)
    try:
        kinds = [await refused(call) for call in (redis.set("k", 1), script(keys=["key"]))]
    finally:
        await redis.config_set("maxmemory", 0)
    assert kinds == ["OOM", "OOM"]


async def test_names_a_command_that_is_not_allowed(
    redis: Any, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing permission is logged with its command, which Redis 6.2 omits in scripts."""
    await redis.execute_command(
        *["ACL", "SETUSER", "few", "on", ">p", "~*", "+evalsha", "+eval", "+get", "+hello"]
    )
    few = connect(redis_url.replace("unix://", "unix://few:p@"))
    kinds = [await refused(call) for call in (few.set("key", 1), few.eval(WRITE, 1, "key"))]
    assert kinds == ["NOPERM", "NOPERM"]
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors[0] == "the Redis user may not run SET"
    assert len(errors) == 2
    await few.aclose()
    await redis.execute_command("ACL", "DELUSER", "few")


def test_logs_trouble_once_in_a_while(
    trouble: RedisErrorLog, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """All commands that fail within some seconds cause one log line."""
    errors = [ResponseError("OOM command not allowed"), ConnectionBroken("away"), OSError()]
    for error in errors * 10:
        trouble.log(error)
    clock.forward(REDIS_LOG_INTERVAL_SECONDS)
    for error in errors[1:] * 10:
        trouble.log(error)
    assert [record.getMessage() for record in caplog.records] == [
        "Redis is unavailable: OOM (it is out of memory)",
        "Redis is unavailable: ConnectionError",
    ]


def test_wrong_keys_are_no_trouble_of_redis(
    trouble: RedisErrorLog, caplog: pytest.LogCaptureFixture
) -> None:
    """Redis isn't called unavailable because the encryption keys are wrong."""
    trouble.log(WrongEncryptionKeys("key '1f2e3d4c'"))
    assert not caplog.records


def test_names_other_trouble_by_its_class() -> None:
    """Other errors are named by their class."""
    assert [error_kind(error) for error in (TimeoutError(), ConnectionBroken("x"), OSError())] == [
        "TimeoutError",
        "ConnectionError",
        "OSError",
    ]
