"""Opens an address in somebody's browser, where there is somebody who would see it."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping


def open_at_desktop(address: str) -> bool:
    """Whether a browser was asked; never from a pipe, over SSH, or where there is no desktop."""
    return is_at_desktop(os.environ, sys.platform, sys.stdin.isatty()) and webbrowser.open(address)


def is_at_desktop(environment: Mapping[str, str], platform: str, at_terminal: bool) -> bool:
    if not at_terminal or "SSH_CONNECTION" in environment:
        return False
    # Without a desktop `webbrowser` takes a browser of the terminal, over the prompt.
    has_windows = {"DISPLAY", "WAYLAND_DISPLAY"} & environment.keys()
    return platform in {"darwin", "win32"} or bool(has_windows)
