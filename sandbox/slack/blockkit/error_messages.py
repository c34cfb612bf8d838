"""Slack's error message for a violated schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_PROVIDE = {
    "array": "must provide an array",
    "boolean": "must provide a boolean",
    "integer": "must provide a number",
    "number": "must provide a number",
    "object": "must provide an object",
    "string": "must provide a string",
}

_WORDS: Mapping[str, Callable[[Any], str]] = {
    "type": lambda e: _PROVIDE[str(e.validator_value)],
    "maxLength": lambda e: f"must be less than {e.validator_value + 1} characters",
    "minLength": lambda e: f"must be more than {e.validator_value - 1} characters",
    "maxItems": lambda e: f"no more than {e.validator_value} items allowed",
    "minItems": lambda e: f"no less than {e.validator_value} items required",
    "maximum": lambda e: f"must be no more than {e.validator_value}",
    "exclusiveMinimum": lambda e: f"must be more than {e.validator_value}",
    "minimum": lambda e: f"must be no less than {e.validator_value}",
    "enum": lambda e: f"must be one of: {', '.join(map(str, e.validator_value))}",
    "format": lambda e: "invalid url" if e.validator_value == "url" else "invalid text",
    "pattern": lambda _: "invalid format",
    "required": lambda e: f"missing required field: {_missing(e)}",
    "additionalProperties": lambda e: f"invalid additional property: {_extra(e)}",
    "anyOf": lambda e: str(e.schema["says"]),
    "oneOf": lambda e: str(e.schema["says"]),
    "kinds": lambda e: e.message,
}


def error_message(error: Any, root: str) -> str:
    """Return Slack's message for a jsonschema `ValidationError`.

    `root` is the JSON pointer to the validated object.
    """
    pointer = "".join([root, *(f"/{step}" for step in error.absolute_path)])
    return f"{_WORDS[error.validator](error)} [json-pointer:{pointer}]"


def _missing(error: Any) -> str:
    # jsonschema yields one error per missing field, and the field's name is only in its message.
    return str(error.message).split("'")[1]


def _extra(error: Any) -> str:
    known = error.schema["properties"]
    return ", ".join(name for name in error.instance if name not in known)
