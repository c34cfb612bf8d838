"""When the demo may open a browser."""

from __future__ import annotations

import pytest

from sandbox.demo import is_at_desktop


@pytest.mark.parametrize(
    ("environment", "platform", "at_terminal", "opens"),
    [
        ({"DISPLAY": ":0"}, "linux", True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True, True),
        ({}, "darwin", True, True),
        ({}, "linux", True, False),
        ({"DISPLAY": ":0"}, "linux", False, False),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "10.0.0.1"}, "linux", True, False),
    ],
)
def test_opens_a_browser_only_at_a_desktop(
    environment: dict[str, str], platform: str, at_terminal: bool, opens: bool
) -> None:
    """A browser is opened only at a desktop's terminal."""
    assert is_at_desktop(environment, platform, at_terminal) is opens
