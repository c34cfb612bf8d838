"""Sample log lines that agents write while they run a job, including customer names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.emporix.sample_data import agent_texts

ENDS = {"failure": "ERROR", "skipped": "WARNING"}
LONGEST_LOOP = 12


@dataclass(frozen=True, slots=True)
class SampleLine:
    """A log line. `helper` is the suffix of the id of the agent that helped."""

    severity: str
    message: str
    is_business: bool = True
    helper: str = ""


def sample_lines(rng: Random, job: dict[str, Any]) -> Iterator[SampleLine]:
    """Return the lines from the request to the end of the job."""
    order, person = agent_texts.order(rng), rng.choice(agent_texts.PEOPLE)
    yield SampleLine("INFO", f"Request received for job {job['id']}", is_business=False)
    yield SampleLine("INFO", f"Retrieved order {order} of {person}")
    yield SampleLine("INFO", "Categorization agent processing request", False, "-categorization")
    for turn in range(1, rng.randint(1, LONGEST_LOOP) + 1):
        yield from _turn(rng, turn, order)
    yield SampleLine(ENDS.get(job.get("status", ""), "INFO"), _end(job))


def _turn(rng: Random, turn: int, order: str) -> Iterator[SampleLine]:
    tool = rng.choice(("order-lookup", "invoice-search", "customer-profile", "stock-check"))
    call = json.dumps({"tool": tool, "arguments": {"orderId": order}})
    yield SampleLine("INFO", f"Turn {turn}: calling {call}", is_business=False)
    dice = rng.random()
    if dice < 0.1:
        yield SampleLine("WARNING", f"{tool} took {rng.randint(4, 29)} s; the call is tried again")
    elif dice < 0.16:
        yield SampleLine(
            "ERROR", f"{tool} answered 502 Bad Gateway:\n<html>upstream timed out</html>"
        )
    else:
        yield SampleLine(
            "INFO", f"{tool} answered with {rng.randint(1, 9)} entries", is_business=False
        )


def _end(job: dict[str, Any]) -> str:
    status = job.get("status", "unknown")
    why = f": {job['message']}" if status in ENDS and job.get("message") else ""
    return f"Job ended: {status}{why}"
