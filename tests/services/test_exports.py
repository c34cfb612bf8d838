"""An export comes out as it went in, and what is wrong with one is named."""

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
def test_nothing_of_an_export_changes(value: object, as_ascii: bool) -> None:
    """Letter by letter it is the JSON that was exported."""
    text = json.dumps(value, ensure_ascii=as_ascii)
    export = read(in_base64(text))
    assert (export.json, export.size) == (text, len(text.encode()))


def test_base64_may_come_in_lines() -> None:
    """Line ends in base64 mean nothing."""
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
def test_a_checksum_is_known_by_each_usual_way(
    name: str, over: str, write: Callable[[bytes], str]
) -> None:
    """Emporix documents neither the algorithm nor what it is taken over."""
    data = in_base64(BUNDLE)
    content = BUNDLE.encode() if over == "the JSON" else data.encode()
    digest = hashlib.new(name.replace("-", "", 1).lower(), content).digest()
    assert read(data, f" {write(digest)}\n").verified_by == name


@pytest.mark.parametrize("checksum", ["", "0", hashlib.sha256(b"other").hexdigest(), "=", "é"])
def test_a_checksum_that_fits_nothing_verifies_nothing(checksum: str) -> None:
    """The export is read all the same."""
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
def test_says_what_is_broken(data: str, reason: str) -> None:
    """No base64, or no JSON in it; never an error without a name."""
    with pytest.raises(ExportUnusable) as refused:
        read(data)
    assert (refused.value.reason, refused.value.resource_id) == (reason, "job-1")


@given(st.text() | st.binary().map(in_base64))
def test_any_data_is_an_export_or_named(data: str) -> None:
    """Whatever Emporix sends: its JSON letter by letter, or which of the two it is not."""
    export = outcome(ExportUnusable, lambda: read(data, data))
    if isinstance(export, ExportUnusable):
        assert export.reason in ("base64", "json")
        return
    sent = b64decode("".join(data.split()))
    assert export.json == sent.decode("utf-8-sig")
    assert export.size == len(sent)
    json.loads(export.json)


def test_the_largest_export_takes_no_second() -> None:
    """Ten megabytes of base64, which is as much as Emporix may send."""
    bundle = json.dumps([{"id": str(number)} for number in range(400_000)])
    data = in_base64(bundle)[:10_000_000]
    data = in_base64(bundle[: len(data) * 3 // 4 - 20].rpartition(",")[0] + "]")
    started = time.process_time()
    export = read(data, "0")
    assert time.process_time() - started < 2
    assert export.size > 5_000_000
