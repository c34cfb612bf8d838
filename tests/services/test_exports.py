"""Exports are decoded unchanged, and broken ones are reported precisely."""

from __future__ import annotations

import hashlib
import json
import time
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs import ExportResult
from bot.errors import ExportUnusable
from bot.services.exports import Export, decode_export
from tests.harness.outcome import outcome

BUNDLE = '{"agents": [{"id": "a", "name": {"en": "Größe"}, "price": 19.90}]}'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def in_base64(data: bytes | str) -> str:
    return b64encode(data.encode() if isinstance(data, str) else data).decode()


def read(data: str, checksum: str = "") -> Export:
    return decode_export(ExportResult(data, checksum), "job-1", "acme")


@given(JSON, st.booleans())
def test_an_export_is_unchanged(value: object, as_ascii: bool) -> None:
    """The decoded JSON equals the exported JSON, character by character."""
    text = json.dumps(value, ensure_ascii=as_ascii)
    export = read(in_base64(text))
    assert (export.json, export.size) == (text, len(text.encode()))


def test_base64_may_come_in_lines() -> None:
    """Line breaks in base64 are ignored."""
    data = in_base64(BUNDLE)
    assert read(f"{data[:20]}\r\n{data[20:]}\n").json == BUNDLE


@pytest.mark.parametrize("name", ["MD5", "SHA-1", "SHA-256"])
@pytest.mark.parametrize("over", ["the JSON", "the base64"])
@pytest.mark.parametrize(
    "write",
    [
        bytes.hex,
        lambda digest: digest.hex().upper(),
        in_base64,
        lambda digest: in_base64(digest).rstrip("="),
        lambda digest: urlsafe_b64encode(digest).decode(),
    ],
    ids=["hex", "upper hex", "base64", "unpadded", "url-safe"],
)
def test_recognizes_all_usual_checksums(
    name: str, over: str, write: Callable[[bytes], str]
) -> None:
    """Checksums verify with each usual algorithm, before or after base64, as Emporix documents
    neither.
    """
    data = in_base64(BUNDLE)
    content = BUNDLE.encode() if over == "the JSON" else data.encode()
    digest = hashlib.new(name.replace("-", "", 1).lower(), content).digest()
    assert read(data, f" {write(digest)}\n").verified_by == name


@pytest.mark.parametrize("checksum", ["", "0", hashlib.sha256(b"other").hexdigest(), "=", "é"])
def test_an_unknown_checksum_verifies_nothing(checksum: str) -> None:
    """An export with a wrong checksum is read, but not reported as verified."""
    export = read(in_base64(BUNDLE), checksum)
    assert (export.json, export.checksum, export.verified_by) == (BUNDLE, checksum, "")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("not base64!", "base64"),
        ("YWJj=YWJj", "base64"),
        ("größe", "base64"),
        ("e30", "base64"),
        (in_base64("{"), "json"),
        (in_base64("hello"), "json"),
        (in_base64(""), "json"),
        (in_base64('{"a": NaN}'), "json"),
        (in_base64("[" * 100_000), "json"),
        (in_base64(b"\xff\xfe{\x00}\x00"), "json"),
    ],
)
def test_reports_what_is_broken(data: str, reason: str) -> None:
    """The error says whether the base64 or the JSON is invalid."""
    with pytest.raises(ExportUnusable) as refused:
        read(data)
    assert (refused.value.reason, refused.value.resource_id) == (reason, "job-1")


@given(st.text() | st.binary().map(in_base64))
def test_any_data_is_decoded_or_refused(data: str) -> None:
    """Any data is either decoded unchanged or refused with a reason."""
    export = outcome(ExportUnusable, lambda: read(data, data))
    if isinstance(export, ExportUnusable):
        assert export.reason in ("base64", "json")
        return
    sent = b64decode("".join(data.split()))
    assert export.json == sent.decode("utf-8-sig")
    assert export.size == len(sent)
    json.loads(export.json)


def test_the_largest_export_takes_less_than_a_second() -> None:
    """Ten megabytes of base64, Emporix's limit, are decoded within a second."""
    bundle = json.dumps([{"id": str(number)} for number in range(400_000)])
    data = in_base64(bundle)[:10_000_000]
    data = in_base64(bundle[: len(data) * 3 // 4 - 20].rpartition(",")[0] + "]")
    started = time.process_time()
    export = read(data, "0")
    assert time.process_time() - started < 2
    assert export.size > 5_000_000
