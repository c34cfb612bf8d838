"""Templates cannot forget to encode or to escape."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

import pytest
from hypothesis import given, settings
from jinja2 import DictLoader, Environment, TemplateSyntaxError, UndefinedError

from bot.rendering.environment import environment
from bot.rendering.parse import TRUSTED, InvalidPayload, Json, PlainText
from bot.rendering.text import clean, escape
from tests.rendering.hostile import hostile_text, mrkdwn, rendered, said, value

quick = settings(max_examples=100)


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    items: str = "of the job"


class Status(StrEnum):
    FAILED = "failed"


def plain(words: str, /, **facts: object) -> str:
    return str(json.loads(rendered("{% plain %}" + words + "{% endplain %}", **facts)))


@pytest.mark.parametrize(
    "fact", ['a "quoted" \\ text', 3, 1.5, True, None, [], [1, ["x"]], {"a": {"b": None}}, ""]
)
def test_a_value_is_one_json_value(fact: object) -> None:
    """A value is encoded as JSON, including quotes."""
    assert value("fact", fact=fact) == fact


@quick
@given(hostile_text)
def test_any_text_is_a_value(text: str) -> None:
    """No text breaks the JSON, in a value or in either tag."""
    assert value("text", text=text) == clean(text)
    assert value("{'a': [text]}", text=text) == {"a": [clean(text)]}
    if len(text) < 10_000:
        assert plain("{{ text }}", text=text) == clean(text).strip()
        assert mrkdwn("{{ text }}", text=text) == escape(clean(text)).strip()


@pytest.mark.parametrize("fact", [Job("1"), {1, 2}, object(), b"bytes", [Job("1")], float("nan")])
def test_an_object_is_not_a_value(fact: object) -> None:
    """An object as a value is an error instead of its repr."""
    with pytest.raises((TypeError, ValueError)):
        value("fact", fact=fact)


def test_an_error_says_what_to_do() -> None:
    """The error for an object names its class and the solution."""
    with pytest.raises(TypeError, match="cannot contain a Job: pick one of its fields"):
        value("job", job=Job("1"))
    with pytest.raises(TypeError, match="words cannot contain a Job: pick one of its fields"):
        mrkdwn("{{ job }}", job=Job("1"))


@pytest.mark.parametrize(
    "expression", ["nobody", "job.nobody", "[nobody]", "facts.nobody", "nobody|shorten(3)"]
)
def test_undefined_names_are_errors(expression: str) -> None:
    """A misspelled name is an error in a value and within the tags."""
    facts = {"job": Job("1"), "facts": {}}
    with pytest.raises(UndefinedError, match="nobody"):
        value(expression, **facts)
    with pytest.raises((UndefinedError, TypeError)):
        mrkdwn("{{ " + expression + " }}", **facts)


def test_template_text_is_not_escaped() -> None:
    """The template's own markup is kept, and values in it are escaped."""
    shown = mrkdwn("*Agent* <{{ name }}> {{ 'a < b' }}", name="<!channel> & co")
    assert shown == "*Agent* <&lt;!channel&gt; &amp; co> a &lt; b"


def test_plain_words_are_not_escaped() -> None:
    """plain_text shows letters as they are, so nothing in it is escaped."""
    assert plain("Job {{ id }} & {{ n }}", id="<1>", n=2) == "Job <1> & 2"


def test_numbers_enumerations_and_nothing_are_words() -> None:
    """Within words a number is its digits, an enumeration its value and None nothing."""
    assert (
        plain("{{ a }}-{{ b }}-{{ c }}-{{ d }}", a=1, b=1.5, c=Status.FAILED, d=None)
        == "1-1.5-failed-"
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("\n   a\n   b\n", "a b"),
        ("a\n{% if true %}\n  b\n{% endif %}\nc", "a b c"),
        ("a\n{%- if true %}, b{% endif %}", "a, b"),
        ("a {# why #} b", "a b"),
        ("a \n {{ newline }} \n b", "a\nb"),
        ("a{{ newline }}{{ newline }}b{{ newline }}", "a\n\nb"),
        (
            "{% for n in [1, 2, 3] %}\n  {{ n }}{% if not loop.last %},{% endif %}\n{% endfor %}",
            "1, 2, 3",
        ),
        ("{% set who = 'ada' %}{{ who }}", "ada"),
        ("{{ outside }}\n  x", "a  b\n\n c x"),
        ("", ""),
    ],
)
def test_white_space_is_htmls(words: str, shown: str) -> None:
    """Indentation and lines of the template are one space; those of a value are its own."""
    assert mrkdwn(words, outside="  a  b\n\n c") == shown
    assert plain(words, outside="  a  b\n\n c") == shown


@quick
@given(hostile_text)
def test_no_text_passes_for_ours(text: str) -> None:
    """Only the tag makes mrkdwn trusted; the same text in a value is escaped whole."""
    assert said('{"text": {{ text }}}', text=text)["text"] == escape(clean(text))


def test_a_macro_can_be_used_in_a_tag() -> None:
    """A macro with a text can be a value of its own or part of a tag's text."""
    parts = {
        "parts": "{% macro who(name) %}\n {% mrkdwn %}_{{ name }}_{% endmrkdwn %}\n{% endmacro %}"
        "{% macro bare(name) %}{{ name }}{% endmacro %}"
    }
    start = "{% from 'parts' import who, bare %}"
    alone = said(start + '{"text": {{ who("<a>") }}}', parts)
    amid = said(start + '{"text": {% mrkdwn %}*{{ who("<a>") }}*{% endmrkdwn %}}', parts)
    bare = said(start + '{"text": {% mrkdwn %}*{{ bare("<a>") }}*{% endmrkdwn %}}', parts)
    assert (alone["text"], amid["text"]) == ("_&lt;a&gt;_", "*_&lt;a&gt;_*")
    assert bare["text"] == "*&lt;a&gt;*"


def test_the_output_of_a_macro_can_be_trimmed() -> None:
    """A template can check whether a macro wrote any JSON, and write it."""
    macro = "{% macro m(on) %} {% if on %}1{% endif %} {% endmacro %}"
    trimmed = "[{% for on in (true, false) if m(on) | trim %}{{ m(on) | trim }}{% endfor %}]"
    assert json.loads(rendered(macro + trimmed)) == [1]


@pytest.mark.parametrize("output", ["{}", "[1]", "words", "1", '"a" "b"'])
def test_other_macros_are_no_words(output: str) -> None:
    """A macro that writes JSON or bare words cannot slip past the escaping."""
    macro = "{% macro m() %}" + output + "{% endmacro %}"
    with pytest.raises(TypeError, match="macro"):
        rendered(macro + "{% mrkdwn %}{{ m() }}{% endmrkdwn %}")


def test_mark_up_is_refused_in_plain_words() -> None:
    """A date in plain_text would show its mark-up, so it is an error."""
    with pytest.raises(TypeError, match="mrkdwn in"):
        plain("{{ 0|date }}")
    with pytest.raises(InvalidPayload, match="only plain text"):
        said('{"type": "plain_text", "text": {{ 0|date }}}')


def test_a_filter_of_ours_can_be_the_whole_text() -> None:
    """A date can be a whole text without a tag."""
    assert said('{"text": {{ when|date }}}', when=0)["text"].startswith("<!date^0^")


@pytest.mark.parametrize(
    "within",
    [
        "{% mrkdwn %}x{% endmrkdwn %}",
        "{% filter upper %}x{% endfilter %}",
        "{% set x %}y{% endset %}",
        "{% include 'x' %}",
        "{% macro m() %}x{% endmacro %}",
        "{% call m() %}x{% endcall %}",
        "{% block b %}x{% endblock %}",
    ],
)
def test_tags_hold_only_simple_statements(within: str) -> None:
    """Statements that would bypass the tag's escaping are refused on loading."""
    with pytest.raises(TemplateSyntaxError, match="can contain only words"):
        rendered("{% plain %}" + within + "{% endplain %}")


@pytest.mark.parametrize("word", ["success", "<b>", "w" * 51, None, 7])
def test_a_cached_macro_returns_the_same(word: object) -> None:
    """A cached macro returns the same as without a cache."""
    macro = "{% macro said(word) %}{% mrkdwn %}*{{ word }}*{% endmrkdwn %}{% endmacro %}"
    once = "{% set once = remembered(said) %}"
    three = '{"a": {{ said(word) }}, "b": {{ once(word) }}, "c": {{ once(word) }}}'
    a, b, c = json.loads(rendered(macro + once + three, word=word)).values()
    assert a == b == c


def test_the_cache_distinguishes_untrusted_text() -> None:
    """Untrusted text that equals a cached template text is still escaped."""
    macro = "{% macro said(word) %}{% mrkdwn %}{{ word }}{% endmrkdwn %}{% endmacro %}"
    ours = "{% macro ours() %}{% mrkdwn %}*x*{% endmrkdwn %}{% endmacro %}"
    once = "{% set once = remembered(said) %}"
    both = '{"a": {{ once(ours()) }}, "b": {{ once(words) }}}'
    made = json.loads(rendered(macro + ours + once + both, words='"\ufdd0*x*"'))
    assert (made["a"], made["b"]) == (f"{TRUSTED}*x*", f'{TRUSTED}"*x*"')


@pytest.mark.parametrize("name", ["safe", "e", "tojson", "urlize", "xmlattr"])
def test_filters_of_html_trust_nothing(name: str) -> None:
    """Jinja's filters for HTML cannot declare untrusted text to be JSON or mrkdwn."""
    text = {"b": '<b>"}'} if name == "xmlattr" else '<b>"}'
    assert isinstance(value(f"text|{name}", text=text), str)
    assert "<" not in mrkdwn(f"{{{{ text|{name} }}}}", text=text)


def test_no_filter_makes_text_trusted() -> None:
    """No filter that a template can use turns untrusted text into trusted text."""
    env = environment(DictLoader({}))
    usable = [name for name in env.filters if " " not in name]
    results = {name: _filtered(env, name) for name in usable}
    trusted = [name for name, result in results.items() if isinstance(result, Json | PlainText)]
    assert not trusted
    assert results["upper"] == "<B>"


def _filtered(env: Environment, name: str) -> object:
    try:
        return env.compile_expression(f"text|{name}")(text="<b>")
    except (TypeError, ValueError, AttributeError, UndefinedError):
        return None  # not a filter of text


@pytest.mark.parametrize("key", ["items", "values", "keys", "get", "pop", "update", "copy"])
def test_dots_reach_keys_before_methods(key: str) -> None:
    """Facts may be dicts whose keys are called like methods, or objects with such fields."""
    assert value(f"fact.{key}", fact={key: "mine"}) == "mine"
    assert value("fact.inner[0].items", fact={"inner": [Job("1")]}) == "of the job"
    assert value("facts|map(attribute='items')|list", facts=[{"items": 1}, Job("1")]) == [
        1,
        "of the job",
    ]


def test_methods_of_dicts_still_serve_loops() -> None:
    """A dict without a key of that name can be iterated by its method."""
    assert (
        plain("{% for k, v in fact.items() %}{{ k }}={{ v }};{% endfor %}", fact={"a": 1}) == "a=1;"
    )
