"""The one place where objects are made: settings in, the parts of a process out."""

from bot.wiring.shared import (
    Clock,
    sealed_records,
    slack_client,
    slack_session,
    vault,
)
from bot.wiring.web import Parts, assemble
from bot.wiring.worker import WorkerParts, assemble_worker, open_queue

__all__ = [
    "Clock",
    "Parts",
    "WorkerParts",
    "assemble",
    "assemble_worker",
    "open_queue",
    "sealed_records",
    "slack_client",
    "slack_session",
    "vault",
]
