"""Sample log lines that agents write while they run a job, including customer names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.emporix.sample_data import agent_texts

ENDS = {"failure": "ERROR", "skipped": "WARNING"}
LONGEST_LOOP = 12
CAUSES = {
    "timed out": "get_invoice: no response from erp.example within 30 s (SocketTimeoutException)",
    "could not be found": "order-lookup answered 404 Not Found for GET /order/acme/orders/{order}",
    "quota exceeded": "The model's provider answered 429: limit of 90,000 tokens a minute reached",
    "nicht gefunden": "customer-profile answered 404 Not Found: no customer for this invoice",
    "ToolExecutionException": "order-lookup: the token of the tool has expired (401 Unauthorized)",
}
"""The cause by a part of the job's message."""
OTHER_CAUSE = "The agent stopped with an unhandled exception (NullPointerException)"


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
    message = str(job.get("message", ""))
    if named := re.search(r"\bEON\d+", message):
        order = named[0]
    person = next((one for one in agent_texts.PEOPLE if one in message), person)
    yield SampleLine("INFO", f"Request received for job {job['id']}", is_business=False)
    yield SampleLine("INFO", f"Retrieved order {order} of {person}")
    yield SampleLine("INFO", "Categorization agent processing request", False, "-categorization")
    for turn in range(1, rng.randint(1, LONGEST_LOOP) + 1):
        yield from _turn(rng, turn, order)
    if job.get("status") == "failure":
        yield SampleLine("ERROR", _cause(job, order), is_business=False)
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
            "ERROR", f"{tool} answered 502 Bad Gateway:\n<html>upstream timed out</html>", False
        )
    else:
        yield SampleLine(
            "INFO", f"{tool} answered with {rng.randint(1, 9)} entries", is_business=False
        )


def _cause(job: dict[str, Any], order: str) -> str:
    """Return the technical reason for the failure that the job's message reports."""
    message = str(job.get("message", ""))
    return next((cause for words, cause in CAUSES.items() if words in message), OTHER_CAUSE).format(
        order=order
    )


def _end(job: dict[str, Any]) -> str:
    status = job.get("status", "unknown")
    why = f": {job['message']}" if status in ENDS and job.get("message") else ""
    return f"Job ended: {status}{why}"
