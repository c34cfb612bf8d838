"""Renderer: a template and its data become a payload, or an error that names the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.rendering.parse import InvalidTemplate
from bot.rendering.renderer import Renderer, examples

HELLO = '{"text": {% mrkdwn %}Hello *{{ name }}*{% endmrkdwn %}}'


def renderer(folder: Path, **templates: str) -> Renderer:
    """Templates by name, with `__` for the slash of their folder."""
    for name, source in templates.items():
        path = folder / f"{name.replace('__', '/')}.json.j2"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return Renderer(folder)


def test_a_template_is_found_by_its_name(tmp_path: Path) -> None:
    """`jobs/hello` is `jobs/hello.json.j2`, and a fact may be called `name`."""
    payload = renderer(tmp_path, jobs__hello=HELLO).render("jobs/hello", name="<Ada> ☕")
    assert payload["text"] == "Hello *&lt;Ada&gt; ☕*"


def test_a_rendered_message_is_within_the_limits(tmp_path: Path) -> None:
    """A rendered message is within Slack's limits."""
    text = renderer(tmp_path, long='{"text": {{ words }}}').render("long", words="x" * 5000)["text"]
    assert isinstance(text, str)
    assert len(text) <= 3000


def test_messages_are_listed_without_their_parts(tmp_path: Path) -> None:
    """`templates` names what can be sent, in order; other files and parts/ are none of it."""
    (tmp_path / "notes.txt").write_text("x")
    made = renderer(tmp_path, jobs__list="{}", errors__x="{}", parts__y="{}", jobs__delete="{}")
    assert made.templates() == ["errors/x", "jobs/delete", "jobs/list"]


def test_the_first_folder_wins(tmp_path: Path) -> None:
    """A folder named earlier replaces single messages of a later one."""
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    renderer(tmp_path / "mine", a='{"text": "mine"}')
    renderer(tmp_path / "theirs", a='{"text": "theirs"}', b='{"text": "theirs"}')
    both = Renderer(tmp_path / "mine", tmp_path / "theirs")
    assert [both.render(name)["text"] for name in both.templates()] == ["mine", "theirs"]


@pytest.mark.parametrize(
    ("source", "line", "problem"),
    [
        ('{"text":\n  {{ nobody }}}', 2, "'nobody' is undefined"),
        ('{\n"text": {% mrkdwn %}\n{{ facts.nobody }}{% endmrkdwn %}}', 2, "no attribute 'nobody'"),
        ('{"text":\n\n {{ facts|nobody }}}', 3, "No filter named 'nobody'"),
        ('{"text": {% mrkdwn %}x', 1, "endmrkdwn"),
        ('{"text":\n {% 3 %}}', 2, "tag name expected"),
        ('{\n"text": {{ 1 / 0 }}}', 2, "division by zero"),
        ('{"text": {{ facts.items }}}', 1, "cannot contain a builtin_function_or_method"),
        ('{"text": "Hello {{ word }}"}', 0, "near '.*Hello .*Ada"),
        ("[]", 0, "one JSON object"),
        ("{% from 'parts/none.json.j2' import x %}{}", 0, "no template parts/none.json.j2"),
        ('{"type": "modal", "private_metadata": {{ "x" * 3001 }}}', 0, "private_metadata has 3001"),
    ],
)
def test_errors_name_the_place(tmp_path: Path, source: str, line: int, problem: str) -> None:
    """Whatever is wrong with a template, the error says which one, where, and what."""
    with pytest.raises(InvalidTemplate, match=problem) as caught:
        renderer(tmp_path, jobs__bad=source).render("jobs/bad", facts={}, word="Ada")
    assert (caught.value.name, caught.value.line) == ("jobs/bad", line)
    assert str(caught.value).startswith("jobs/bad")


def test_an_error_in_a_part_names_the_part(tmp_path: Path) -> None:
    """An error in an included template names that file and its line."""
    part = "{% macro who(job) %}\n\n{{ job.name }}{% endmacro %}"
    bad = "{% from 'parts/who.json.j2' import who %}{{ who({}) }}"
    with pytest.raises(InvalidTemplate, match=r"jobs/bad, line 3: .*parts/who\.json\.j2") as caught:
        renderer(tmp_path, jobs__bad=bad, parts__who=part).render("jobs/bad")
    assert caught.value.line == 3


def test_a_name_without_a_template_is_an_error(tmp_path: Path) -> None:
    """An unknown template is an error with its name."""
    with pytest.raises(InvalidTemplate, match=r"jobs/lst: there is no template jobs/lst\.json\.j2"):
        renderer(tmp_path).render("jobs/lst")
    with pytest.raises(InvalidTemplate, match="jobs/lst"):
        renderer(tmp_path).source("jobs/lst")


def test_the_projects_templates_are_the_default() -> None:
    """Without being told, Say knows where the templates of the app are."""
    project = Path(__file__).parents[2] / "templates"
    expected = {path.relative_to(project).as_posix() for path in project.rglob("*.json.j2")}
    names = {f"{name}.json.j2" for name in Renderer.default().templates()}
    assert names == {path for path in expected if not path.startswith("parts/")}


def test_the_cache_returns_the_same_text(tmp_path: Path) -> None:
    """The cache returns the same text for equal data, and another text for other data."""
    made = renderer(tmp_path, hello='{"text": {{ word }}}')
    first = made.private_text_once("hello", word="Ada")
    assert json.loads(first) == {**made.render("hello", word="Ada"), "response_type": "ephemeral"}
    assert made.private_text_once("hello", word="Ada") is first
    assert json.loads(made.private_text_once("hello", word="Grace"))["text"] == "Grace"


TWO = """{# example: one job
{"jobs": [{"id": "1"}],
 "total": 1} #}
{# Jobs are told apart by their ids. #}
{#- example: none
{"jobs": [], "total": 0}
-#}
{"text": {% plain %}
  {{ total|plural("job") }}{% for job in jobs %}: {{ job.id }}{% endfor %}
{% endplain %}}
{# example: too late
{} #}
"""


def test_examples_stand_at_the_beginning(tmp_path: Path) -> None:
    """Each comment at the top that says so is an example, by the words that it begins with."""
    assert examples(renderer(tmp_path, it=TWO), "it") == {
        "one job": {"jobs": [{"id": "1"}], "total": 1},
        "none": {"jobs": [], "total": 0},
    }


def test_examples_can_be_rendered(tmp_path: Path) -> None:
    """The data of an example can be passed to its template."""
    made = renderer(tmp_path, it=TWO)
    shown = [made.render("it", **facts)["text"] for facts in examples(made, "it").values()]
    assert shown == ["1 job: 1", "0 jobs"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{}", "it: it begins with no example"),
        ("{# jobs #}{}", "begins with no example"),
        ("{}{# example: late\n{} #}", "begins with no example"),
        ("{# example: x\n{} #}\n{# example: x\n{} #}{}", "line 3: two examples are called 'x'"),
        ('{# example: x\n{"a":\n ?} #}{}', "it, line 3: example 'x'"),
        ("{# example: x\n[] #}{}", "it, line 1: example 'x' is no JSON object"),
        ("{# example: x #}{}", "example 'x'"),
    ],
)
def test_a_template_without_a_good_example_is_an_error(
    tmp_path: Path, source: str, problem: str
) -> None:
    """A missing or invalid example is an error with the template's name and line."""
    with pytest.raises(InvalidTemplate, match=problem):
        examples(renderer(tmp_path, it=source), "it")
