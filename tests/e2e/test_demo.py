"""`make demo` as a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from sandbox.processes import PROJECT

START = "import asyncio, pathlib, sys; from sandbox.demo import demo; "
START += "sys.exit(asyncio.run(demo(pathlib.Path(sys.argv[1]))))"


def test_names_its_address_first_and_ends_quietly(tmp_path: Path) -> None:
    """The page answers there, also while nobody is at the terminal; Ctrl-C leaves no complaint."""
    demo = subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path)],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with demo:
        assert demo.stdout is not None
        address = next(filter(None, (re.search(r"http://[\d.:]+", line) for line in demo.stdout)))
        page = httpx.get(address[0], follow_redirects=True, trust_env=False)
        demo.send_signal(signal.SIGINT)
        _, complaints = demo.communicate(timeout=30)
    assert "<title>#general · Acme Shop</title>" in page.text
    assert (demo.returncode, complaints) == (0, "")
