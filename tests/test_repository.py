"""The files for building, releasing and contributing fit the project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from bot import __version__
from bot.rendering.renderer import Renderer
from tests.harness.documents import DOCUMENTS, blocks, name, prose, quoted, text
from tests.harness.source_code import PROJECT

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
MAKE = re.compile(r"\bmake ((?:--\w+ )*)([a-z-]+)")


def jobs(workflow: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return found


def shell_commands() -> Iterator[tuple[str, str]]:
    """Every `run:` step of the workflows and every hook of pre-commit, with its file."""
    for workflow in WORKFLOWS:
        for job in jobs(workflow).values():
            yield from (
                (workflow.name, step["run"]) for step in job.get("steps", ()) if "run" in step
            )
    for repository in yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]:
        yield from ((".pre-commit-config.yaml", hook["entry"]) for hook in repository["hooks"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_documents_name_targets_that_exist(document: Path) -> None:
    """Documents contain only targets of the Makefile."""
    typed = "\n".join([*quoted(prose(document)), blocks(document)])
    assert {target for _, target in MAKE.findall(typed)} <= TARGETS


@pytest.mark.parametrize(("file", "command"), list(shell_commands()))
def test_workflows_and_hooks_run_what_exists(file: str, command: str) -> None:
    """Workflows and hooks run only targets of the Makefile and files of the project."""
    assert {target for _, target in MAKE.findall(command)} <= TARGETS
    for path in re.findall(r"(?:^|\s)(\.(?:ci|venv)/\S+)", command):
        assert os.access(PROJECT / path, os.X_OK), file


def test_ci_tests_each_python_that_is_supported() -> None:
    """CI tests the Python versions in the classifiers, beginning with the oldest supported one."""
    project = tomllib.loads(text("pyproject.toml"))["project"]
    found = "\n".join(project["classifiers"])
    supported = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", found, re.MULTILINE)
    matrix = jobs(PROJECT / ".github/workflows/ci.yml")["unit"]["strategy"]["matrix"]
    assert matrix["python"] == supported
    assert project["requires-python"] == f">={supported[0]}"


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as at a terminal, also if these tests were started by make."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("target", [("run", "web"), ("worker", "worker"), ("doctor", "doctor")])
def test_make_starts_the_processes(target: tuple[str, str]) -> None:
    """`make run`, `make worker` and `make doctor` start the commands of emporix-bot."""
    done = make("--dry-run", target[0])
    assert done.stdout.splitlines()[-1].split()[-2:] == [".venv/bin/emporix-bot", target[1]]


def release_notes(version: str, changelog: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `make release-notes` as the release workflow does."""
    changed = [f"CHANGELOG={changelog}"] if changelog else []
    return make("release-notes", f"VERSION={version}", *changed)


def test_the_release_notes_are_the_section_of_the_version(tmp_path: Path) -> None:
    """`make release-notes` prints the version's changelog, without its heading."""
    changelog = tmp_path / "CHANGELOG.md"
    parts = ["# Changelog\n", "## 99.0.0\n", "- Newer\n", f"## {__version__} (2026-11-28)\n"]
    own = '### Lists\n\n- `a` & "b" $(c)\n'
    changelog.write_text("\n".join([*parts, own, "## 0.0.1\n", "- Older\n"]), encoding="utf-8")
    done = release_notes(__version__, str(changelog))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == own.strip()


@pytest.mark.parametrize("version", ["99.0.0", "", __version__.replace(".", "x", 1)])
def test_a_tag_of_another_version_has_no_release_notes(version: str) -> None:
    """`make release-notes` fails if the tag is not the version that the project has."""
    done = release_notes(version)
    assert done.returncode != 0
    assert __version__ in done.stderr
    assert done.stdout == ""


def test_a_version_without_changes_has_no_release_notes(tmp_path: Path) -> None:
    """`make release-notes` fails if the changelog lacks the version."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## 0.0.1\n\n- Older\n", encoding="utf-8")
    done = release_notes(__version__, str(changelog))
    assert done.returncode != 0
    assert f"no version {__version__}" in done.stderr
    assert done.stdout == ""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(PROJECT)).build(directory=str(folder))
    return Path(built)


def files_in(folder: str) -> set[str]:
    """The files of a folder of the project, without those that Python and mypy create."""
    found = {path for path in (PROJECT / folder).rglob("*") if path.is_file()}
    return {name(path) for path in found if not {"__pycache__", ".mypy_cache"} & set(path.parts)}


def test_the_wheel_has_exactly_the_app(wheel: Path) -> None:
    """The wheel has the package, its templates, manifest and license, and nothing else."""
    with ZipFile(wheel) as archive:
        packed = {file for file in archive.namelist() if ".dist-info/" not in file}
        (license_file,) = [file for file in archive.namelist() if file.endswith("/LICENSE")]
        assert archive.read(license_file) == (PROJECT / "LICENSE").read_bytes()
        assert archive.read("bot/manifest.yml") == (PROJECT / "manifest.yml").read_bytes()
    templates = {f"bot/{file}" for file in files_in("templates")}
    assert packed == files_in("bot") | templates | {"bot/manifest.yml"}


def test_the_app_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """The app in the wheel prints its version and manifest, and has all templates."""
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = (
        "import bot, sys; from bot.cli import main; from bot.rendering.renderer import Renderer;"
        "print(bot.__file__, len(Renderer.default().templates()), flush=True);"
        "main(['manifest', '--socket']); main(['--version'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    first, *manifest, version = done.stdout.splitlines()
    assert first == f"{tmp_path}/bot/__init__.py {len(Renderer.default().templates())}"
    assert yaml.safe_load("\n".join(manifest))["settings"]["socket_mode_enabled"] is True
    assert version == f"emporix-bot {__version__}"
