"""Every template is rendered with its examples, and with hostile variants of them."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from bot.rendering.renderer import Renderer, examples
from sandbox.slack import blockkit
from sandbox.slack.blockkit.suggestions import suggested
from sandbox.slack.errors import ApiError
from tests.rendering.hostile import NOT_SENDABLE, hostile_text
from tests.rendering.slack_limits import problems

RENDERER = Renderer.default()
EXAMPLES = [
    pytest.param(name, facts, id=f"{name}: {shown}")
    for name in RENDERER.templates()
    for shown, facts in examples(RENDERER, name).items()
]
each_example = pytest.mark.parametrize(("name", "facts"), EXAMPLES)
each_template = pytest.mark.parametrize("name", RENDERER.templates())

MEGABYTE = 1_000_000
OUR_LINK = re.compile(
    r"<https?://[^\s<>|]+\|(Open in the Management Dashboard|Show message|[a-z ]+ as a file)>",
    re.IGNORECASE,
)
MENTION = re.compile(r"<(?:[@#]|!subteam\^)([A-Z][A-Z0-9]+)>")
OUR_DATE = re.compile(
    r"<!date\^\d+\^((?:[A-Za-z]+ )*)\{date_short_pretty\} \{time\}\|\1[\d: -]+UTC>"
)


def refused(payload: dict[str, Any]) -> list[str]:
    """Slack's complaints about a message, a view, errors, or suggestions."""
    if "options" in payload:
        return problems_of_options(payload)
    if payload.get("response_action") == "errors":
        return [name for name, words in payload["errors"].items() if not name or not words.strip()]
    if (kind := payload.get("type")) in ("modal", "home"):
        return [*blockkit.view_problems(payload, kind), *problems(payload)]
    return [*blockkit.problems(payload["blocks"], "message"), *problems(payload)]


def problems_of_options(payload: dict[str, Any]) -> list[str]:
    try:
        suggested({"options": payload["options"]})
    except ApiError as refused:
        return [str(refused.answer())]
    return []


def marked_up(node: Any) -> Iterator[str]:
    """Every text that Slack parses for mark-up."""
    if isinstance(node, list):
        for item in node:
            yield from marked_up(item)
    if isinstance(node, dict):
        if node.get("type", "mrkdwn") == "mrkdwn" and isinstance(node.get("text"), str):
            yield node["text"]
        for item in node.values():
            yield from marked_up(item)


@each_example
def test_shows_its_example(name: str, facts: dict[str, Any], snapshot: SnapshotAssertion) -> None:
    """Rendered messages match their snapshots."""
    assert RENDERER.render(name, **facts) == snapshot


@each_example
def test_slack_takes_its_example(name: str, facts: dict[str, Any]) -> None:
    """Messages pass the stand-in's check of Block Kit and the list of limits."""
    assert refused(RENDERER.render(name, **facts)) == []


@each_example
def test_says_something_without_its_blocks(name: str, facts: dict[str, Any]) -> None:
    """Notifications and screen readers read the text, so it holds words of ours."""
    payload: Any = RENDERER.render(name, **facts)
    if "text" in payload:
        assert len(re.findall(r"\w{2,}", payload["text"])) >= 3
        assert payload["unfurl_links"] is payload["unfurl_media"] is False


TEXT_TAG_OR_OTHER = re.compile(
    r"{#.*?#}|{%-? (mrkdwn|plain) -?%}.*?{%-? end\1 -?%}|{%.*?%}|{{.*?}}", re.DOTALL
)
JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@pytest.mark.parametrize("path", sorted(Path("templates").rglob("*.j2")), ids=str)
def test_only_text_tags_contain_values_and_statements(path: Path) -> None:
    """No JSON string contains any, so white space that is left out between them is no text."""
    pieces = TEXT_TAG_OR_OTHER.sub("\0", path.read_text(encoding="utf-8")).split("\0")
    assert not [piece for piece in pieces if '"' in JSON_STRING.sub("", piece)]


DATE_AFTER_WORD = re.compile(r"[\w,>] <!date\^\d+\^\{.*?>")


@each_example
def test_dates_within_sentences_are_not_capitalized(name: str, facts: dict[str, Any]) -> None:
    """The word before a date is part of its token, because Slack writes "since Yesterday"."""
    for text in marked_up(RENDERER.render(name, **facts)):
        assert not DATE_AFTER_WORD.search(text)


SENTENCE = re.compile(r"[.!?…:]\W*$|”\W*$")


@each_example
def test_sentences_end_with_a_full_stop(name: str, facts: dict[str, Any]) -> None:
    """A text of several sentences, and one in which a person or the app does something, ends."""
    for part in parts_of(RENDERER.render(name, **facts)):
        text = part.get("text")
        if part.get("type") == "mrkdwn" and isinstance(text, str) and "\n" not in text:
            is_sentence = re.match(r"\W*<@U\w+> (?!shared)[a-z]|\W*(?:You|I)(?:'\w+)? [a-z]", text)
            if is_sentence:
                assert SENTENCE.search(text), text


@each_example
def test_repeated_buttons_have_labels(name: str, facts: dict[str, Any]) -> None:
    """A screen reader tells buttons with the same text apart, however many rows a message has."""
    for shown in (facts, doubled(facts)):
        found = [part for part in parts_of(RENDERER.render(name, **shown)) if is_button(part)]
        texts_shown = Counter(button["text"]["text"] for button in found)
        for button in found:
            text, label = button["text"]["text"], button.get("accessibility_label", "")
            assert texts_shown[text] == 1 or (label.startswith(text) and label != text), text


@each_example
def test_images_have_alt_texts(name: str, facts: dict[str, Any]) -> None:
    """A screen reader has words for each image."""
    found = parts_of(RENDERER.render(name, **facts))
    assert all(part["alt_text"].strip() for part in found if part.get("type") == "image")


@each_example
def test_confirm_dialogs_are_plain_text(name: str, facts: dict[str, Any]) -> None:
    """Slack documents plain text for the words of a confirm dialog; Cancel leaves it."""
    confirms = [
        part["confirm"]
        for part in parts_of(RENDERER.render(name, **facts))
        if is_button(part) and "confirm" in part
    ]
    for confirm in confirms:
        kinds = {confirm[key]["type"] for key in ("title", "text", "confirm", "deny")}
        assert kinds == {"plain_text"}
        assert confirm["deny"]["text"] == "Cancel"


TOKEN = re.compile(r"<!date\^[^|]*\|([^>]*)>|<(@|#|!subteam\^)[A-Z0-9]+>")


def notification(payload: dict[str, Any]) -> str:
    """The first line of a message as a lock screen shows it, with names and dates."""
    text = TOKEN.sub(
        lambda found: found[1] or f"{found[2][0].replace('!', '@')}name", payload["text"]
    )
    return re.sub(r"[*`]", "", text).split("\n")[0].strip()


def posted_templates() -> set[str]:
    """The templates that are posted without a question, by their names in the source."""
    sources = [*Path("bot/tasks").glob("*.py"), *Path("bot/slack/posting").glob("*.py")]
    tasks = "".join(path.read_text() for path in sources)
    listeners = "".join(path.read_text() for path in Path("bot/listeners").rglob("*.py"))
    posts = re.findall(r"(?:\.post|notify|_report)\(\s*([^)]*)\)", listeners)
    named = set(re.findall(r'"([a-z_]+/[a-z_.]+)"', " ".join([tasks, *posts])))
    return named & set(RENDERER.templates())


POSTED = [
    pytest.param(name, facts, id=f"{name}: {shown}")
    for name in sorted(posted_templates())
    for shown, facts in examples(RENDERER, name).items()
]


def test_finds_what_is_posted() -> None:
    """Messages of digests, alerts, watches and clean-ups are among those that must read well."""
    expected = {"digest/post", "alerts/news", "alerts/on", "jobs/watch.over", "jobs/clean.report"}
    assert expected | {"digest/by_others", "alerts/off.owner"} <= posted_templates()


@pytest.mark.parametrize(("name", "facts"), POSTED)
def test_reads_well_on_a_lock_screen(name: str, facts: dict[str, Any]) -> None:
    """A posted message begins with what happened, in a short line of words, and not with an id."""
    line = notification(RENDERER.render(name, **facts))
    assert 15 <= len(line) <= 150
    assert "<" not in line
    assert not re.match(r"(?:[^\w\s@#]+ |:[a-z_]+: )?[a-z]", line)  # a sentence, a name or a number
    assert re.match(r"(?:@name )?(?:[^\w\s@#]+ |:[a-z_]+: )?(?:@name )?[\w“]", line)
    assert not re.match(r"\W*[0-9a-f-]{16,}", line)
    assert not re.search(r"\b[0-9a-f]{16,}\b.*\w{3,}", line)  # an id comes last


@cache
def hostile_variants(name: str, shown: str) -> st.SearchStrategy[Any]:
    """Variants of an example; made once, because Hypothesis checks each part of a new strategy."""
    return with_bad_values(examples(RENDERER, name)[shown])


@each_template
@settings(max_examples=15)
@given(data=st.data())
def test_nothing_from_outside_breaks_it(name: str, data: st.DataObject) -> None:
    """Hostile values cause no error, mention, link or exceeded limit."""
    shown = data.draw(st.sampled_from(sorted(examples(RENDERER, name))))
    facts = data.draw(hostile_variants(name, shown))
    assert_harmless(RENDERER.render(name, **facts), facts)


def test_templates_calculate_with_counts_only() -> None:
    """No template adds or subtracts times, which can be too large or infinite: a filter does."""
    times = re.compile(r"(_at|_seconds)\b\)? [-+*/]|[-+*/] [\w.]+(_at|_seconds)\b")
    templates = (Path(__file__).parents[1] / "templates").rglob("*.j2")
    assert not [path.name for path in templates if times.search(path.read_text(encoding="utf-8"))]


@each_example
@pytest.mark.parametrize("piece", ["x", "`<!channel>\ud83d "])
def test_a_megabyte_is_only_long(name: str, facts: dict[str, Any], piece: str) -> None:
    """Texts of a million characters in every place are shortened or omitted."""
    huge = replaced(facts, piece * (MEGABYTE // len(piece)))
    assert_harmless(RENDERER.render(name, **huge), huge)


LONG = "x" * 3000
WITH_LONG_VALUES: list[tuple[str, dict[str, Any], int]] = [
    ("jobs/watch", {"job_id": LONG}, 100),
    ("jobs/watch", {"job_id": LONG, "already": True}, 100),
    ("alerts/paused", {"reason": LONG}, 100),
    (
        "form_errors",
        {
            "problems": {
                "zone": {
                    "template": "invalid_input",
                    "problem": "no",
                    "value": LONG,
                    "advice": "type",
                }
            }
        },
        60,
    ),
]


@pytest.mark.parametrize(("name", "changed", "most"), WITH_LONG_VALUES)
def test_a_long_value_is_cut_within_a_sentence(
    name: str, changed: dict[str, Any], most: int
) -> None:
    """So that the words around it can still be read."""
    example = next(iter(examples(RENDERER, name).values()))
    runs = re.findall("x+", json.dumps(RENDERER.render(name, **(example | changed))))
    assert most // 2 < max(map(len, runs)) <= most


def assert_harmless(payload: dict[str, Any], facts: Any) -> None:
    """Only ids and lists of ids may mention users; ids inside a text don't."""
    assert refused(payload) == []
    assert not NOT_SENDABLE.search(json.dumps(payload, ensure_ascii=False))
    known = {part for text in texts(facts) for part in (text, *text.split(","))}
    for words in marked_up(payload):
        assert set(MENTION.findall(words)) <= known
        assert "<" not in MENTION.sub("", OUR_DATE.sub("", OUR_LINK.sub("", words)))


def texts(facts: Any) -> Iterator[str]:
    """Every text among the facts."""
    if isinstance(facts, str):
        yield facts
    elif isinstance(facts, list | dict):
        for fact in facts.values() if isinstance(facts, dict) else facts:
            yield from texts(fact)


def parts_of(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in a payload."""
    if isinstance(node, dict):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts_of(item)


def is_button(part: dict[str, Any]) -> bool:
    return part.get("type") == "button"


def doubled(facts: Any) -> Any:
    """The same facts with each object of a list twice."""
    if isinstance(facts, dict):
        return {
            key: value if is_block_type(key, value) else doubled(value)
            for key, value in facts.items()
        }
    if isinstance(facts, list):
        return [twin for item in facts for twin in [doubled(item)] * (1 + isinstance(item, dict))]
    return facts


def is_block_type(key: str, value: Any) -> bool:
    """Whether a value is a rendered block, whose type is ours but whose texts aren't."""
    return key == "type" and str(value).startswith(("rich_text", "text"))


def replaced(facts: Any, text: str) -> Any:
    """`facts` with every text in them replaced."""
    if isinstance(facts, dict):
        return {
            key: value if is_block_type(key, value) else replaced(value, text)
            for key, value in facts.items()
        }
    if isinstance(facts, list):
        return [replaced(value, text) for value in facts]
    return text if isinstance(facts, str) else facts


bad_numbers = st.sampled_from(
    [0, 1, -1, 0.4, 99_999, 2**63, -(10**18), 10**400, math.inf, math.nan]
)
bad_counts = bad_numbers.filter(lambda number: isinstance(number, int))
OUR_COUNTS = {"page", "last_page", "counted", "number", "seen"}
"""The app counts these itself, and buttons carry them: never a fraction."""

bad_words = st.one_of(
    hostile_text,
    st.sampled_from(["", " ", "success", "FAILED", "2026-11-20T10:30:27.167Z", "é" * 2500]),
)


def with_bad_values(facts: Any) -> st.SearchStrategy[Any]:
    """`facts` in the same shape: other texts and numbers, lists of other lengths."""
    if isinstance(facts, dict):
        return st.fixed_dictionaries(
            {
                key: st.just(value)
                if is_block_type(key, value)
                else bad_counts
                if key in OUR_COUNTS
                else with_bad_values(value)
                for key, value in facts.items()
            }
        )
    if isinstance(facts, list):
        return st.tuples(*map(with_bad_values, facts)).flatmap(repeated)
    if isinstance(facts, bool):
        return st.booleans()
    if isinstance(facts, int):
        return bad_numbers
    return bad_words | st.just(facts) if isinstance(facts, str) else st.just(facts)


def repeated(items: tuple[Any, ...]) -> st.SearchStrategy[list[Any]]:
    return st.sampled_from([1, 1, 0, 2, 30]).map(lambda times: list(items) * times)
