"""The type of clocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns seconds since 1970."""

DAY_SECONDS = 24 * 60 * 60.0
