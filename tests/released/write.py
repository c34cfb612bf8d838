"""Stores the formats of a version for the tests: python -m tests.released.write 0.3.0."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bot import __version__
from tests.released.formats import button_states, identifiers, stored_records
from tests.released.redis_copy import used_redis

FOLDER = Path(__file__).parent


def write(folder: Path, *, records: bool = True) -> None:
    """Write all files; raises FileExistsError if the version has already been stored."""
    if folder.exists():
        raise FileExistsError(f"{folder} exists: the formats of a released version never change")
    formats = {
        "identifiers": identifiers(),
        "buttons": button_states(),
        "records": stored_records() if records else {},
        "redis": asyncio.run(used_redis()),
    }
    folder.mkdir()
    for name, facts in formats.items():
        text = json.dumps(facts, indent=1, sort_keys=True)
        (folder / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> str:
    """Write the files of the project's own version; return what is wrong, or ""."""
    version = __version__.removesuffix(".dev0")
    if list(arguments) != [version]:
        return f"VERSION is {' '.join(arguments) or 'missing'}, but the project's is {version}"
    try:
        write(FOLDER / version)
    except FileExistsError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
