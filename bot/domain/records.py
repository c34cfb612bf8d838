"""Records that are written to Redis: their base, which keeps unknown fields, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import NoneType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """The base of all dataclasses that are written to Redis, at any depth of a record.

    `unknown` holds the fields that a newer version of the app has written and this one does not
    know, by name. `dataclasses.replace` keeps them, and they are written back unchanged. Two
    records that differ in them only are equal.
    """

    unknown: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[StoredRecord], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """How bot.domain.records reads and writes it."""
        schema: dict[str, Any] = {**handler(source)}
        return core_schema.no_info_before_validator_function(
            _collector(source),
            # By its ref, pydantic uses a schema again where a type occurs twice: all of this one.
            ref=schema.pop("ref", None),
            schema=schema,
            serialization=core_schema.wrap_serializer_function_ser_schema(_with_unknown),
        )


def _collector(source: type[StoredRecord]) -> Callable[[Any], Any]:
    """A function that moves the fields `source` does not know to `unknown`.

    A null counts as missing where the field has a default and cannot be null.
    """
    hints = get_type_hints(source)
    names = hints.keys() - {"unknown"}
    required = {
        one.name
        for one in fields(source)
        if one.default is MISSING and one.default_factory is MISSING
    }
    keeps_null = required | {name for name in names if NoneType in get_args(hints[name])}

    def collect(facts: Any) -> Any:
        if not isinstance(facts, dict) or (facts.keys() <= names and None not in facts.values()):
            return facts
        known = {
            name: value
            for name, value in facts.items()
            if name in names and (value is not None or name in keeps_null)
        }
        return {**known, "unknown": {name: facts[name] for name in facts if name not in names}}

    return collect


def _with_unknown(record: Any, write: core_schema.SerializerFunctionWrapHandler) -> Any:
    facts = write(record)
    return {**facts.pop("unknown", {}), **facts}


T = TypeVar("T")

SERIALIZERS: list[Serializer[Any]] = []
"""All that there are: what the app stores as JSON."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class InvalidRecord(Exception):
    """No record of its type. Its text names fields and never their values."""


class Serializer(Generic[T]):
    """Writes and reads the records of one type: a dataclass that is `Stored`, or some of them.

    `said_by_key` are the fields that the place of a record in Redis says already. Records that
    live for a day at most can be written with `omit_defaults`: they take less memory, but read
    differently when a later version changes a default.
    """

    def __init__(self, type_: type[T], *said_by_key: str, omit_defaults: bool = False) -> None:
        self._adapter, self._omit_defaults = TypeAdapter(type_), omit_defaults
        self.type, self.said_by_key = type_, set(said_by_key)
        SERIALIZERS.append(self)

    def write(self, record: T) -> str:
        facts = self._adapter.dump_python(
            record,
            mode="json",
            exclude=self.said_by_key or None,
            exclude_defaults=self._omit_defaults,
        )
        return _to_json(facts)

    def read(self, text: str, **said_by_key: Any) -> T:
        """The record in a text, with these fields; raises Unreadable."""
        try:
            facts = json.loads(text)
            return self._adapter.validate_python({**facts, **said_by_key} if said_by_key else facts)
        except ValidationError as error:
            # The error's own text quotes values, which may be secrets.
            places = {".".join(map(str, one["loc"][:2])) for one in error.errors()}
            raise InvalidRecord(f"not understood: {', '.join(sorted(places))}") from None
        except (ValueError, TypeError, RecursionError):
            raise InvalidRecord("no JSON of a record") from None
