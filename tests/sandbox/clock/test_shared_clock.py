"""The demo's clock is the same for all processes and never goes backwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.clock.shared_clock import BackInTime, SharedClock
from tests.harness.clock import NOW, FakeClock

# All examples share one folder, so the first lines of each test reset the clock.
shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
leaps = st.lists(st.floats(-1e6, 1e8, allow_nan=False), max_size=10)


@pytest.fixture
def real() -> FakeClock:
    return FakeClock()


def test_shows_the_real_time_at_first(tmp_path: Path, real: FakeClock) -> None:
    """Without a move, the clock shows the real time and writes no file."""
    assert SharedClock(tmp_path / "clock", real)() == NOW
    assert list(tmp_path.iterdir()) == []


def test_a_move_applies_to_all_processes(tmp_path: Path, real: FakeClock) -> None:
    """A move applies to all instances of the clock, and time continues from there."""
    here, there = SharedClock(tmp_path / "clock", real), SharedClock(tmp_path / "clock", real)
    here.move(NOW + 86400)
    assert there() == here() == NOW + 86400
    real.forward(60)
    assert there() == NOW + 86460
    assert there.ahead == 86400


@shared_folder
@given(leaps)
def test_never_goes_back(tmp_path: Path, moves: list[float]) -> None:
    """The clock never goes backwards, and a refused move changes nothing."""
    (tmp_path / "clock").unlink(missing_ok=True)
    real = FakeClock()
    clock = SharedClock(tmp_path / "clock", real)
    for by in moves:
        before = clock()
        real.forward(1)
        if by < 0:
            with pytest.raises(BackInTime, match="only goes forward"):
                clock.move(before + by)
            assert clock() == pytest.approx(before + 1)
        else:
            clock.move(clock() + by)
            assert clock() == pytest.approx(before + 1 + by)


def test_a_new_demo_begins_now(tmp_path: Path) -> None:
    """A new demo starts at the real time and deletes data from the future, but no other data."""
    (tmp_path / "redis").mkdir()
    clock = SharedClock.from_folder(tmp_path)
    assert (tmp_path / "redis").is_dir()
    clock.move(clock() + 3600)
    assert SharedClock.from_folder(tmp_path).ahead == 0.0
    assert not (tmp_path / "redis").exists()
