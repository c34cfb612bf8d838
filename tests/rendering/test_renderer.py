"""Every template shows what it can say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.rendering.parse import InvalidTemplate
from bot.rendering.renderer import Renderer, examples

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


def renderer(folder: Path, source: str) -> Renderer:
    (folder / "it.json.j2").write_text(source, encoding="utf-8")
    return Renderer(folder)


def test_examples_stand_at_the_beginning(tmp_path: Path) -> None:
    """Each comment at the top that says so is an example, by the words that it begins with."""
    assert examples(renderer(tmp_path, TWO), "it") == {
        "one job": {"jobs": [{"id": "1"}], "total": 1},
        "none": {"jobs": [], "total": 0},
    }


def test_examples_can_be_rendered(tmp_path: Path) -> None:
    """The facts of an example are the facts of its template."""
    made = renderer(tmp_path, TWO)
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
    """The error says which template lacks what."""
    with pytest.raises(InvalidTemplate, match=problem):
        examples(renderer(tmp_path, source), "it")
