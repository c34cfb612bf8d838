"""The health check of the container image: exit status 0 if the container's process is alive.

It requests /healthz from a web process, and /livez from a worker, at the address in HOST. A worker
without METRICS_PORT has no port; like the process of any other command, it is alive while it runs.
`healthcheck.py PORT PATH` requests that path instead. It imports little, because it runs often.
"""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT_SECONDS = 4
ALL_INTERFACES = ("", "0.0.0.0", "::")  # noqa: S104 - they are not opened here


def target(command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """Return port and path for a container's command; the port is "" if there is none."""
    if "web" in command:
        return environment.get("PORT") or "3000", "/healthz"
    return environment.get("METRICS_PORT", "") if "worker" in command else "", "/livez"


def problem(host: str, port: str, path: str) -> str:
    """Request a path from this container; return what is wrong, or ""."""
    host = "localhost" if host in ALL_INTERFACES else host
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{path} on port {port} can't be reached: {error}"
    return "" if status < http.HTTPStatus.BAD_REQUEST else f"{path} on port {port} answers {status}"


def main(arguments: Sequence[str]) -> int:
    command = Path("/proc/1/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    port, path = arguments or target(command, os.environ)
    wrong = problem(os.environ.get("HOST", ""), port, path) if port else ""
    print(wrong or "ok")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
