"""The words are the path: what docs promise about where things are, held against the code."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
import yaml

import bot.listeners
import bot.tasks
from bot import errors
from bot.app import SLASH_COMMAND
from bot.rendering import buttons
from bot.rendering.buttons import BUTTON_STATES, ButtonState
from bot.rendering.renderer import Renderer, examples
from bot.scheduler.tasks import discover as clock_calls
from bot.services.filters.definitions import ALL_FILTERS
from bot.settings import Settings
from bot.slack.decorators import (
    ActionListener,
    ClosingListener,
    CommandListener,
    EventListener,
    Listener,
    OptionsListener,
    ShortcutListener,
    SubmissionListener,
    discover,
)
from bot.slack.request import clicked
from sandbox.slack.blockkit.walk import elements, options
from tests.harness import injected_parameters
from tests.harness.documented_limits import (
    DOCUMENTED,
    UNDOCUMENTED,
    Limit,
    constants_imported_by,
    value,
)
from tests.harness.documents import quoted, table, text
from tests.harness.source_code import (
    PROJECT,
    attributes,
    functions,
    imported,
    modules,
    names_from,
    strings,
    tree,
)

RENDERER = Renderer.default()
REGISTRY = discover(bot.listeners)
VIEWS = "views.py"
"""What several listeners show: the one kind of module beside them that they import."""
LISTENERS = [path for path in modules("bot/listeners") if path.name not in {"__init__.py", VIEWS}]
CALLS = clock_calls(bot.tasks)
TASKS = [path for path in modules("bot/tasks") if path.name != "__init__.py"]
CALLED = [*CALLS.periodic, *CALLS.queued.values()]
LISTS = {"jobs/list", "jobs/search_results"}
"""The templates of lists, which several listeners answer with."""
LOADING = "loading"
ERRORS = "errors/"
ERROR_FOR_THE_UNKNOWN = "unknown"

LONGEST_FUNCTION = 40
LONGEST_FILE, MOST_LONG_FILES = 400, 5
"""A soft limit: a file covers one subject, and some subjects need more lines."""
MOST_FILES = 190

SUBJECTS = {
    *("accounts", "agents", "alerts", "audit", "cleanups", "conditions", "digests"),
    *("home", "jobs", "lists", "runs", "watches"),
}
"""What several layers have a file for: `domain/alerts.py`, `store/alerts.py`, `tasks/alerts.py`."""

PER_PACKAGE = {"client", "delete", "errors", "form", "lifecycle", "list", "open", "views"}
"""What a package has one file for."""
MEDIAN_LINES = 8
LINES_OF_NINE_IN_TEN = 25


def place(listener: Path) -> str:
    """`jobs/list` of bot/listeners/jobs/list.py."""
    return listener.relative_to(PROJECT / "bot/listeners").with_suffix("").as_posix()


def heard_in(listener: Path) -> list[Listener]:
    module = importlib.import_module(f"bot.listeners.{place(listener).replace('/', '.')}")
    return [value for value in vars(module).values() if isinstance(value, Listener)]


def addresses_in(listener: Path) -> list[str]:
    """Each id by which Slack reaches a listener of this file.

    A select whose options and choice both reach the app has two listeners, but one id.
    """
    found: list[str] = []
    offered: set[str] = set()
    for heard in heard_in(listener):
        match heard:
            case ActionListener():
                found += heard.action_ids
            case OptionsListener():
                offered.add(heard.action_id)
            case ShortcutListener() | SubmissionListener() | ClosingListener():
                found.append(heard.callback_id)
    return [*found, *(offered - {*found})]


def error_classes(base: type[Any] = errors.BotError) -> set[type[Any]]:
    below = base.__subclasses__()
    return {*below}.union(*map(error_classes, below))


HEARD = [heard for path in LISTENERS for heard in heard_in(path)]

each_listener = pytest.mark.parametrize("listener", LISTENERS, ids=place)
each_template = pytest.mark.parametrize("template", RENDERER.templates())


@each_listener
def test_a_listener_says_its_own_words(listener: Path) -> None:
    """A listener has templates at its path, or answers with a list or a view; an event needs no
    answer.
    """
    own = [
        t
        for t in RENDERER.templates()
        if t == place(listener) or t.startswith(f"{place(listener)}.")
    ]
    if not own:
        others = strings(listener) & set(RENDERER.templates())
        assert others <= {*LISTS, LOADING}
        only_events = all(isinstance(heard, EventListener) for heard in heard_in(listener))
        has_view = any(module.startswith("bot.listeners.") for module in imported(listener))
        assert only_events or has_view or others


@pytest.mark.parametrize("module", modules("bot/listeners"), ids=place)
def test_a_listener_imports_no_other(module: Path) -> None:
    """Listeners share views, so that none of them can be reached but by Slack."""
    packages = {name for name in imported(module) if name.startswith("bot.listeners")}
    assert all((PROJECT / name.replace(".", "/")).is_dir() for name in packages)
    if packages:
        assert names_from(module, packages) == {"views"}


@each_listener
def test_a_listener_has_a_test_at_its_path(listener: Path) -> None:
    """The test of a listener is at the matching path."""
    test = PROJECT / "tests/listeners" / place(listener)
    assert test.with_name(f"test_{test.name}.py").is_file()


@pytest.mark.parametrize("task", TASKS, ids=lambda path: path.stem)
def test_a_task_has_a_test_at_its_path(task: Path) -> None:
    """The test of a scheduled task is at the matching path."""
    place_of_task = task.relative_to(PROJECT / "bot/tasks")
    assert (PROJECT / "tests/tasks" / place_of_task.with_name(f"test_{task.name}")).is_file()


def test_a_task_is_queued_under_its_address() -> None:
    """The task `digests.post` is defined in tasks/digests.py."""
    modules_of = {name: call.function.__module__ for name, call in CALLS.queued.items()}
    assert all(
        module == f"bot.tasks.{name.rpartition('.')[0]}" for name, module in modules_of.items()
    )


OPPOSITES = {
    "alerts mute": "alerts unmute",
    "connect": "disconnect",
    "tenants": "use",
    "digest pause": "digest resume",
    "jobs watch": "jobs unwatch",
}


def commands_in(listener: Path) -> list[str]:
    """The commands of a listener, apart from the bare one."""
    commands = (heard for heard in heard_in(listener) if isinstance(heard, CommandListener))
    return [heard.words for heard in commands if heard.words]


@each_listener
def test_a_command_is_heard_at_its_words(listener: Path) -> None:
    """`/emporix jobs list` is heard in jobs/list.py, and a command that undoes another beside it; a
    file may also hear buttons only.
    """
    own = place(listener).replace("/", " ")
    assert commands_in(listener) in ([], [own], [own, OPPOSITES.get(own)])


@each_listener
def test_an_id_is_the_address_of_its_listener(listener: Path) -> None:
    """The action `jobs.delete.confirm` is handled in jobs/delete.py."""
    for address in addresses_in(listener):
        assert address.rpartition(".")[0] == place(listener).replace("/", ".")


@each_listener
def test_a_module_of_listeners_opens_with_its_command(listener: Path) -> None:
    """The first line quotes the command as it is typed, and the one that undoes it."""
    opening = listener.read_text(encoding="utf-8").partition("\n")[0]
    for number, words in enumerate(commands_in(listener)):
        assert opening.startswith(f'"""{SLASH_COMMAND} {words}') if not number else words in opening


def test_every_id_has_one_listener() -> None:
    """Each action id has exactly one listener."""
    counted = Counter(address for path in LISTENERS for address in addresses_in(path))
    known = {value for name, value in vars(buttons).items() if re.fullmatch("[A-Z][A-Z_]+", name)}
    assert counted == dict.fromkeys((value for value in known if isinstance(value, str)), 1)


def test_the_manifest_offers_the_shortcuts() -> None:
    """The manifest has the shortcuts that listeners handle, with the same names, and no others."""
    manifest = yaml.safe_load((PROJECT / "manifest.yml").read_text(encoding="utf-8"))
    offered = {shortcut["callback_id"]: shortcut for shortcut in manifest["features"]["shortcuts"]}
    assert offered == {
        callback_id: {
            "name": heard.name,
            "type": heard.kind,
            "callback_id": callback_id,
            "description": heard.summary,
        }
        for callback_id, heard in REGISTRY.shortcuts.items()
    }


def test_every_word_of_a_command_has_one_listener() -> None:
    """No two listeners handle the same command."""
    commands = REGISTRY.commands.values()
    words = Counter(word for command in commands for word in (command.words, *command.also))
    assert set(words.values()) == {1}


@each_template
def test_every_button_has_a_listener(template: str) -> None:
    """Every button and modal in an example has a listener."""
    for facts in examples(RENDERER, template).values():
        shown: Any = RENDERER.render(template, **facts)
        pressed = {action_id for action_id, _ in clicks_in(shown)}
        assert pressed <= REGISTRY.actions.keys()
        answered = REGISTRY.submissions if "submit" in shown else REGISTRY.closings
        assert {shown.get("callback_id")} - {None} <= answered.keys()


@each_template
def test_a_template_is_used(template: str) -> None:
    """Every template is used, and an error's template has the error's name."""
    if template.removeprefix(ERRORS) in {error.template for error in error_classes()}:
        assert template.startswith(ERRORS)
    else:
        assert any(template in strings(module) for module in modules("bot"))


def test_every_error_is_explained() -> None:
    """Each error has a template, and each template in errors/ has an error."""
    there = {name.removeprefix(ERRORS) for name in RENDERER.templates() if name.startswith(ERRORS)}
    named = {error.template for error in error_classes() if hasattr(error, "template")}
    assert there == named | {ERROR_FOR_THE_UNKNOWN}
    assert all(hasattr(error, "template") for error in error_classes())


@each_template
def test_a_listener_decodes_what_a_template_sends(template: str) -> None:
    """Each button and modal in an example has a state of its listener's class."""
    for facts in examples(RENDERER, template).values():
        shown: Any = RENDERER.render(template, **facts)
        metadata = shown.get("private_metadata", "")
        if submission := REGISTRY.submissions.get(shown.get("callback_id", "")):
            submission.states("", metadata)
        for action_id, sent in clicks_in(shown):
            REGISTRY.actions[action_id].states(sent, metadata)


def clicks_in(shown: Any) -> Iterator[tuple[str, str]]:
    """The action ids and values of all buttons and options of menus."""
    pressable = [block for block in shown.get("blocks", []) if block["type"] != "input"]
    for element in (one for block in pressable for one in elements(block)):
        if element["type"] == "overflow":
            yield from (clicked({**element, "selected_option": one}) for one in options(element))
        else:
            yield clicked(element)


@pytest.mark.parametrize("state", BUTTON_STATES)
def test_every_state_is_sent_and_taken(state: type[ButtonState]) -> None:
    """Each class is used by a template and by a listener."""
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "templates").rglob("*.j2")]
    assert any(f"{state.__name__}(" in source for source in sources)
    assert any(state.__name__ in path.read_text(encoding="utf-8") for path in LISTENERS)


def test_parameters_of_listeners_are_typed() -> None:
    """Each listener parameter is a service or a request value of the declared type."""
    wrong = [wrong for heard in HEARD for wrong in injected_parameters.wrong_parameters(heard)]
    assert not wrong, "\n".join(wrong)


def test_every_value_of_a_request_is_taken() -> None:
    """Each provided value is used by a listener."""
    provided = {name for heard in HEARD for name in injected_parameters.of_request(heard)}
    assert provided - {name for heard in HEARD for name in heard.parameters} == set()


def test_a_parameter_has_one_meaning() -> None:
    """No service has the name of a request value or a task value."""
    of_requests = {name for heard in HEARD for name in injected_parameters.of_request(heard)}
    assert of_requests & injected_parameters.WEB_SERVICES.keys() == set()
    assert (
        injected_parameters.TASK_VALUES.keys() & injected_parameters.WORKER_SERVICES.keys() == set()
    )


def test_every_service_is_used() -> None:
    """Each service is used by a listener, by a task, or where the processes are assembled."""
    taken = {name for heard in HEARD for name in heard.parameters}
    taken |= {name for called in CALLED for name in called.parameters}
    for name in ("web", "worker", "wiring"):
        taken |= attributes(PROJECT / f"bot/{name}.py")
    assert {
        *injected_parameters.WEB_SERVICES,
        *injected_parameters.WORKER_SERVICES,
    } - taken == set()


def test_every_setting_is_in_the_example() -> None:
    """.env.example has every setting."""
    names = set(re.findall(r"\b[A-Z_]+\b", text(".env.example")))
    assert {name.upper() for name in Settings.model_fields} - names == set()


def test_parameters_of_tasks_are_typed() -> None:
    """Each task parameter is a service, a value of the run, or an argument from the queue."""
    wrong = [
        wrong for called in CALLED for wrong in injected_parameters.wrong_parameters_of_task(called)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_operator_guide_has_every_setting() -> None:
    """The settings table has exactly the settings of the code, with their defaults."""
    rows = table("docs/operator-guide.md", "setting | default")
    shown = {setting: default for setting, default, _ in rows}
    assert shown == {
        f"`{name.upper()}`": "required" if field.is_required() else f"`{written(field.default)}`"
        for name, field in Settings.model_fields.items()
    }


def written(default: object) -> str:
    """A default as written in an environment variable."""
    if default is None:
        return "not set"
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_user_guide_has_every_command() -> None:
    """The commands table has exactly the commands of the app, as they are typed."""
    commands = [
        f"`{SLASH_COMMAND} {c.words} {c.usage}".rstrip() for c in REGISTRY.commands.values()
    ]
    shown = [command.rstrip("`") for command, _ in table("docs/user-guide.md", "command")]
    assert sorted(shown) == sorted(commands)


def test_the_user_guide_has_every_filter() -> None:
    """The filters table has exactly the filters of the app."""
    rows = table("docs/user-guide.md", "filter")
    shown = [name for names, _ in rows for name in quoted(names)]
    assert sorted(shown) == sorted(f"{known.name}:" for known in ALL_FILTERS)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_procfile_starts_the_processes(name: str) -> None:
    """A platform starts what `emporix-bot web` and `emporix-bot worker` start."""
    lines = (PROJECT / "Procfile").read_text(encoding="utf-8").splitlines()
    program, *arguments = shlex.split(dict(line.split(": ", 1) for line in lines)[name])
    command = [sys.executable, *arguments, "--help"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert program == "python"
    assert done.stdout.startswith(f"usage: emporix-bot {name}")


@pytest.mark.parametrize("limit", DOCUMENTED, ids=lambda limit: limit.constant)
def test_a_documented_limit_is_the_limit(limit: Limit) -> None:
    """The document has those words, and the code has the number in them."""
    assert limit.words in " ".join(text(limit.document).split())
    assert value(limit.constant) == limit.number


def test_no_number_is_compared_with_itself() -> None:
    """Each constant that a test takes from the code is also checked against a number."""
    known = {limit.constant: limit.number for limit in DOCUMENTED} | UNDOCUMENTED
    taken = {constant for test in modules("tests") for constant in constants_imported_by(test)}
    assert taken - known.keys() == set()
    assert {constant: value(constant) for constant in UNDOCUMENTED} == UNDOCUMENTED


@pytest.mark.parametrize("folder", ["bot", "sandbox"])
def test_functions_and_files_are_short(folder: str) -> None:
    """Functions are short enough to read at once."""
    long = [
        f"{path.relative_to(PROJECT)}: {name} has {lines} lines"
        for path in modules(folder)
        for name, lines in functions(path)
        if lines > LONGEST_FUNCTION
    ]
    counts = {path: path.read_text(encoding="utf-8").count("\n") for path in modules(folder)}
    assert long == []
    assert len([path for path, lines in counts.items() if lines > LONGEST_FILE]) <= MOST_LONG_FILES


@pytest.mark.parametrize("folder", ["bot", "sandbox", "tests"])
def test_most_functions_are_small(folder: str) -> None:
    """Most functions are much shorter than the limit."""
    lines = [count for path in modules(folder) for _, count in functions(path)]
    assert median(lines) <= MEDIAN_LINES
    assert quantiles(lines, n=10)[-1] <= LINES_OF_NINE_IN_TEN


def defined(folder: str) -> Iterator[tuple[Path, ast.stmt]]:
    """The statements at the top level of every module."""
    for path in modules(folder):
        for statement in tree(path).body:
            yield path, statement


def test_a_class_name_is_unique() -> None:
    """Class names are unique."""
    names = Counter(node.name for _, node in defined("bot") if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_a_constant_name_has_one_value() -> None:
    """Constants with the same name have the same value."""
    values: dict[str, set[str]] = defaultdict(set)
    for _, node in defined("bot"):
        if isinstance(node, ast.Assign):
            for name, value in assigned(node):
                values[name].add(value)
    assert {name: found for name, found in values.items() if len(found) > 1} == {}


def assigned(node: ast.Assign) -> Iterator[tuple[str, str]]:
    """Each public constant that a statement assigns, with the source of its value."""
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for name, assigned_value in pairs:
            if isinstance(name, ast.Name) and re.fullmatch(r"[A-Z][A-Z0-9_]+", name.id):
                yield name.id, ast.unparse(assigned_value)


def test_a_file_name_repeats_only_across_layers() -> None:
    """The same subject has the same file name in each layer, and no other subject has it."""
    files = [path for path in modules("bot") if path.name != "__init__.py"]
    names = Counter(path.stem for path in files)
    assert {name for name, count in names.items() if count > 1} <= SUBJECTS | PER_PACKAGE


def test_there_are_few_files() -> None:
    """The number of files in bot/ is limited; empty `__init__.py` files don't count."""
    assert len([path for path in modules("bot") if path.stat().st_size]) <= MOST_FILES
