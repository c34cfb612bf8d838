"""The third-party modules that a process of the app has imported once it is ready."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec

from bench.processes import Ready, start_process
from sandbox.processes import procfile_command

_LINE = re.compile(rb"^import time:\s+\d+ \|\s+\d+ \|\s+([\w.]+)$", re.MULTILINE)
_IMPORT_ALL = """
import contextlib, importlib, pathlib, signal, sys
for name in sys.argv[2:]:
    with contextlib.suppress(ImportError):  # packages try optional modules
        importlib.import_module(name)
pathlib.Path(sys.argv[1]).touch()
signal.pause()
"""


async def third_party_imports(name: str, settings: Mapping[str, str], ready: Ready) -> list[str]:
    """The modules that the process of the Procfile's line `name` imports, in order.

    Python prints them if PYTHONPROFILEIMPORTTIME is set: each after those that it imports.
    """
    with tempfile.TemporaryFile() as log:
        profiled = {**settings, "PYTHONPROFILEIMPORTTIME": "1"}
        async with start_process(procfile_command(name), profiled, ready, log):
            pass
        log.seek(0)
        modules = [module.decode() for module in _LINE.findall(log.read())]
    return [module for module in dict.fromkeys(modules) if _is_third_party(module)]


@asynccontextmanager
async def importing_process(modules: list[str]) -> AsyncIterator[int]:
    """Run a bare Python that imports `modules` and waits; yields its pid after the imports."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-c", _IMPORT_ALL, f"{folder}/done", *modules]

        async def ready() -> bool:
            return "done" in os.listdir(folder)

        async with start_process(command, {}, ready) as pid:
            yield pid


def _is_third_party(module: str) -> bool:
    package = module.partition(".")[0]
    if package in sys.stdlib_module_names or package in {"bot", "sandbox", "bench"}:
        return False
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
