"""Metadata that an app gives its messages, as far as Slack takes it."""

from __future__ import annotations

import json
from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.errors import Refused

LARGEST = 16_000
"""Bytes; Slack does not document the number."""


def metadata(given: Arguments) -> dict[str, Any]:
    """The argument `metadata`, empty where there is none.

    Refused: invalid_metadata_format, metadata_too_large.
    """
    found = given.get("metadata")
    if not found:
        return {}
    match found:
        case {"event_type": str(kind), "event_payload": dict(payload)} if kind:
            if len(json.dumps(payload).encode()) > LARGEST:
                raise Refused("metadata_too_large")
            return {"event_type": kind, "event_payload": payload}
    raise Refused("invalid_metadata_format")
