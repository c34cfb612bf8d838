"""The base of all records that are written to Redis: unknown fields survive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import GetCoreSchemaHandler
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
        """How bot.store.serialization reads and writes it."""
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
    return {**facts.pop("unknown"), **facts}
