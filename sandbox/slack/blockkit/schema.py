"""Helpers that write Block Kit schemas: JSON Schema with two additional keywords.

`kinds` maps a value of `type` to the schema of such an object. `says` is Slack's error if an
`anyOf` or `oneOf` fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

Schema = dict[str, Any]

BOOLEAN: Schema = {"type": "boolean"}
formats = FormatChecker(formats=())


@formats.checks("sendable")
def is_sendable(text: object) -> bool:
    """Whether a text has no NUL and no unpaired surrogate, which can't be stored."""
    return not (isinstance(text, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text))


@formats.checks("url", raises=ValueError)
def is_url(text: object) -> bool:
    if not isinstance(text, str):
        return True
    parts = urlsplit(text)
    printable = text.isprintable() and " " not in text
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and printable


def string(longest: int, shortest: int = 1, **more: Any) -> Schema:
    return {
        "type": "string",
        "minLength": shortest,
        "maxLength": longest,
        "format": "sendable",
    } | more


def url(longest: int = 3000) -> Schema:
    return string(longest, format="url")


def number(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def choice(*values: object) -> Schema:
    return {"enum": list(values)}


def array(items: Schema, most: int, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def shape(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **more: Any
) -> Schema:
    """An object with exactly these required and optional fields."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    } | more


def kind(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **more: Any
) -> Schema:
    """Like `shape`, for an object whose `type` is checked by `typed`."""
    return shape({"type": {}, **required}, optional, **more)


def typed(kinds: Mapping[str, Schema]) -> Schema:
    """An object whose `type` selects one of these schemas."""
    return {"type": "object", "required": ["type"], "kinds": dict(kinds)}


def only(schema: Schema, *names: str) -> Schema:
    """Restrict a typed schema to these types."""
    return typed({name: schema["kinds"][name] for name in names})


def _kinds(
    validator: Any, kinds: Mapping[str, Schema], instance: object, _schema: Schema
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict) or "type" not in instance:
        return
    name = instance["type"]
    if isinstance(name, str) and name in kinds:
        yield from validator.descend(instance, kinds[name], schema_path=name)
    else:
        yield ValidationError(f"unsupported type: {name}", path=["type"])


_Validator: Any = validators.extend(Draft202012Validator, {"kinds": _kinds})  # type: ignore[no-untyped-call]


def compiled(schema: Schema) -> Any:
    """Return a validator for a schema with the additional keywords."""
    return _Validator(schema, format_checker=formats)
