"""The files for deployment: image, Compose, Procfile platforms, systemd and Kubernetes."""

from __future__ import annotations

import configparser
import http.server
import json
import re
import runpy
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement

from bot import __version__
from bot.cli import _parser
from bot.settings import Settings
from bot.web import WEB_DRAIN_SECONDS
from bot.worker import WORKER_DRAIN_SECONDS
from tests.harness.documents import text
from tests.harness.source_code import PROJECT, imported, modules

DOCKERFILE, IGNORED = text("Dockerfile"), text(".dockerignore")
INSTRUCTIONS = re.sub(r"\\\n", " ", DOCKERFILE)
COMPOSE: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
APP_JSON: dict[str, Any] = json.loads(text("app.json"))
UNITS = {
    role: PROJECT / f"deploy/systemd/emporix-jobs-{role}.service" for role in ("web", "worker")
}

MANIFESTS = {
    path.name: list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    for path in sorted((PROJECT / "deploy/kubernetes").glob("*.yaml"))
}
OBJECTS: list[dict[str, Any]] = [one for objects in MANIFESTS.values() for one in objects]

SETTINGS = {field.upper() for field in Settings.model_fields}
OF_THE_SYSTEM = {"PATH", "HOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
NOT_IN_APP_JSON = {"HOST", "PORT", "METRICS_PORT", "SENTRY_DSN"}
"""The platform sets HOST and PORT, and its processes have no other port; Sentry needs a package."""

DURATIONS = {"interval", "timeout", "start_period", "start_interval"}
USER, TEMPORARY, STOP_SECONDS = 10001, "/tmp", 40
PATHS = {"web": {"/healthz"}, "worker": {"/livez", "/readyz"}}


def objects(kind: str) -> list[dict[str, Any]]:
    return [one for one in OBJECTS if one["kind"] == kind]


def workloads() -> list[dict[str, Any]]:
    return [*objects("Deployment"), *objects("StatefulSet")]


def containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workload["spec"]["template"]["spec"]["containers"]
    return found


def commands() -> set[str]:
    """The commands of emporix-bot."""
    (actions,) = (a for a in _parser()._actions if a.dest == "==SUPPRESS==" or a.choices)
    return set(actions.choices or ())


def copied() -> set[str]:
    """The files and folders of the project that the Dockerfile copies into the image."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", INSTRUCTIONS, re.MULTILINE)
    return {source for line in lines for source in shlex.split(line)[:-1]}


def test_the_image_copies_files_that_exist() -> None:
    """Each copied file exists and is sent to the build, and nothing else is."""
    assert [source for source in copied() if not (PROJECT / source).exists()] == []
    lines = [line for line in IGNORED.splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")} - {"deploy"}
    assert sent == copied()


def test_only_the_demo_has_the_sandbox() -> None:
    """The stages of the app copy neither the sandbox nor the requirements of tests."""
    stages = re.split(r"^FROM ", INSTRUCTIONS, flags=re.MULTILINE)[1:]
    having = [stage.split("\n")[0].split()[-1] for stage in stages if "sandbox" in stage]
    assert having == ["build-demo", "demo"]
    assert stages[-1].startswith("base AS app\n")
    assert "--from=build-demo" not in stages[-1]


ADDED_PACKAGES = {"sentry-sdk": "sentry", "jsonschema": "sandbox"}
"""What needs packages beyond requirements.txt, by the package that it imports."""


@pytest.mark.parametrize("package", ADDED_PACKAGES)
def test_the_image_has_what_is_imported(package: str) -> None:
    """The packages that a stage adds are what this package needs beyond the app's."""
    (pattern,) = re.findall(
        rf"wanted = /\^\(([\w|-]+)\)==/ \}} wanted' \\\n.*-{ADDED_PACKAGES[package]}", DOCKERFILE
    )
    pinned = set(re.findall(r"^([\w-]+)==", text("requirements.txt"), re.MULTILINE))
    needed, waiting = set[str](), {package}
    imports = {one for top in ("bot", "sandbox") for path in modules(top) for one in imported(path)}
    assert package.replace("-", "_") in {name.partition(".")[0] for name in imports}
    while waiting:
        name = waiting.pop()
        needed.add(name)
        wanted = [Requirement(one) for one in requires(name) or ()]
        names = {one.name.lower() for one in wanted if not one.marker or one.marker.evaluate()}
        waiting |= names - needed - pinned
    assert set(pattern.split("|")) == needed - pinned


def test_the_image_has_settings_that_exist() -> None:
    """The Dockerfile sets no setting that the app doesn't know, and no secret."""
    lines = re.findall(r"^ENV (.+)$", INSTRUCTIONS, re.MULTILINE)
    names = {pair.partition("=")[0] for line in lines for pair in shlex.split(line)}
    assert names == OF_THE_SYSTEM | {"METRICS_PORT"}


def test_the_image_runs_as_a_user_without_rights() -> None:
    """Every stage that is run has a numeric user, and a health check whose file exists."""
    for stage in re.split(r"^FROM ", INSTRUCTIONS, flags=re.MULTILINE)[1:]:
        if "ENTRYPOINT" in stage:
            assert f"\nUSER {USER}:{USER}\n" in stage
            assert re.search(r"^HEALTHCHECK .*/app/healthcheck\.py", stage, re.MULTILINE)


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers 200 at /healthz and /livez, and 503 elsewhere."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path in {"/healthz", "/livez"} else 503)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def port() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever).start()
        yield str(server.server_address[1])
        server.shutdown()


HEALTH_CHECK = PROJECT / "deploy/healthcheck.py"


@pytest.mark.parametrize(
    ("command", "environment", "expected"),
    [
        (["emporix-bot", "web"], {"METRICS_PORT": "9090"}, ("3000", "/healthz")),
        (["emporix-bot", "web"], {"PORT": "8080"}, ("8080", "/healthz")),
        (["/sbin/init", "--", "emporix-bot", "worker"], {"METRICS_PORT": "1"}, ("1", "/livez")),
        (["emporix-bot", "worker"], {"METRICS_PORT": "", "PORT": "1"}, ("", "/livez")),
        (["emporix-bot", "keys", "rotate"], {"METRICS_PORT": "9090"}, ("", "/livez")),
    ],
)
def test_the_health_check_fits_the_process(
    command: list[str], environment: dict[str, str], expected: tuple[str, str]
) -> None:
    """It asks a web process on PORT and a worker on METRICS_PORT, and no other command."""
    assert runpy.run_path(str(HEALTH_CHECK))["target"](command, environment) == expected


def test_the_health_check_needs_an_answer_without_an_error(port: str) -> None:
    """It fails if the process answers 503 or not at all, and it uses no proxy."""

    def status(*arguments: str) -> int:
        command = [sys.executable, str(HEALTH_CHECK), *arguments]
        proxy = {"http_proxy": "http://127.0.0.1:9"}
        return subprocess.run(command, env=proxy, capture_output=True).returncode

    assert [status(port, path) for path in ("/healthz", "/livez", "/readyz")] == [0, 0, 1]
    assert status("9", "/healthz") == 1


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::", ""])
def test_the_health_check_finds_the_address(address: str) -> None:
    """It asks the address in HOST, or this machine if HOST means all addresses."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = type("Server", (http.server.ThreadingHTTPServer,), {"address_family": family})
    with kind((address, 0), Answering) as server:
        threading.Thread(target=server.serve_forever).start()
        command = [sys.executable, str(HEALTH_CHECK), str(server.server_address[1]), "/livez"]
        done = subprocess.run(command, env={"HOST": address}, capture_output=True, text=True)
        server.shutdown()
    assert (done.returncode, done.stdout) == (0, "ok\n")


def test_compose_is_valid() -> None:
    """compose.yaml is valid by the Compose Specification's schema, which rejects other names."""
    validator = Draft202012Validator(get_builtin_schema("vendor.compose-spec"))
    validator.validate(COMPOSE)
    assert not validator.is_valid({"services": {"web": {"imagee": "x"}}})


def test_compose_has_valid_durations() -> None:
    """Times in compose.yaml are durations, which the schema does not check."""
    for service in SERVICES.values():
        times = {"stop_grace_period": service.get("stop_grace_period", "0s")}
        times |= {k: v for k, v in service.get("healthcheck", {}).items() if k in DURATIONS}
        assert [v for v in times.values() if not re.fullmatch(r"(\d+(us|ms|s|m|h))+", v)] == []


def test_compose_runs_what_exists() -> None:
    """Its commands, build targets and settings exist; only the demo needs no settings."""
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    for name, service in SERVICES.items():
        assert set(service.get("environment", ())) <= SETTINGS
        if "build" in service:
            assert service["build"]["target"] in targets
            assert (PROJECT / service["build"]["context"]).is_dir()
        if "env_file" in service:
            assert service["command"] == [name]
            assert name in commands()
    assert [name for name in SERVICES if "env_file" in SERVICES[name]] == ["web", "worker"]
    assert [name for name in SERVICES if SERVICES[name].get("profiles") == ["demo"]] == ["demo"]
    mounted = [
        one.split(":") for service in SERVICES.values() for one in service.get("volumes", ())
    ]
    assert {name for name, _ in mounted} == set(COMPOSE["volumes"])


def test_compose_gives_no_rights() -> None:
    """Each service has a read-only root and no capabilities, and is published on loopback only."""
    for name, service in SERVICES.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert name == "redis" or "cap_add" not in service
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_app_json_has_the_settings() -> None:
    """app.json has the settings of .env.example, with the app's own descriptions."""
    listed = set(re.findall(r"^#?([A-Z_]+)=", text(".env.example"), re.MULTILINE))
    assert set(APP_JSON["env"]) == listed - NOT_IN_APP_JSON
    for name, entry in APP_JSON["env"].items():
        field = Settings.model_fields[name.lower()]
        assert entry == {"description": field.description, "required": field.is_required()}


def test_app_json_has_the_processes() -> None:
    """app.json starts each process of the Procfile."""
    processes = re.findall(r"^(\w+):", text("Procfile"), re.MULTILINE)
    assert list(APP_JSON["formation"]) == processes


@pytest.mark.parametrize("role", UNITS)
def test_the_units_of_systemd_start_the_processes(role: str) -> None:
    """Each unit runs its process until it has drained, and not again with wrong settings."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read(UNITS[role], encoding="utf-8")
    service = parser["Service"]
    assert service["ExecStart"].endswith(f"/.venv/bin/python -m bot {role}")
    assert role in commands()
    assert service["RestartPreventExitStatus"] == "2"
    assert int(service["TimeoutStopSec"]) == STOP_SECONDS
    assert service["User"] == "emporix-jobs"


def test_the_units_of_systemd_differ_only_in_the_process() -> None:
    """The worker's unit is as hardened as the one of the web process."""
    first, second = (UNITS[role].read_text(encoding="utf-8").splitlines() for role in UNITS)
    different = [
        line.partition("=")[0] for line, other in zip(first, second, strict=True) if line != other
    ]
    assert different == ["Description", "ExecStart"]


@pytest.mark.parametrize("role", UNITS)
def test_the_units_of_systemd_show_the_metrics_of_the_process(role: str) -> None:
    """Memory and processor time are in the metrics: prometheus_client reads /proc/stat for them."""
    assert "\nProcSubset=" not in UNITS[role].read_text(encoding="utf-8")


def test_the_doctor_reads_the_settings_of_the_units() -> None:
    """The documented check reads the settings as systemd does: a shell would split them at `&`."""
    guide = text("docs/deployment.md")
    (file,) = re.findall(r"^EnvironmentFile=(.+)$", UNITS["web"].read_text("utf-8"), re.MULTILINE)
    assert re.search(rf"systemd-run .*\\\n +--property=EnvironmentFile={file} .* doctor\n", guide)
    assert not re.search(rf"(\.|source) {file}", guide)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd")
@pytest.mark.parametrize("role", UNITS)
def test_systemd_accepts_the_units(role: str, tmp_path: Path) -> None:
    """systemd finds no mistake in a unit, and rates its exposure 2.0 of 10 or better."""
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    unit = tmp_path / UNITS[role].name
    words = UNITS[role].read_text(encoding="utf-8").replace("/opt/emporix-jobs", str(tmp_path))
    unit.write_text(words, encoding="utf-8")
    for command in (["verify", "--man=no"], ["security", "--offline=yes", "--threshold=20"]):
        done = subprocess.run(
            ["systemd-analyze", *command, str(unit)], capture_output=True, text=True, timeout=50
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""


@pytest.mark.parametrize("name", MANIFESTS)
def test_kubernetes_accepts_the_manifests(name: str) -> None:
    """Each manifest is valid by the newest known schema, without unknown fields."""
    for one in MANIFESTS[name]:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_the_schema_of_kubernetes_is_strict() -> None:
    """A misspelled field in a manifest would be found."""
    wrong = json.loads(json.dumps(objects("Deployment")[0]))
    wrong["spec"]["template"]["spec"]["containers"][0]["imagee"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("workload", workloads(), ids=lambda one: one["metadata"]["name"])
def test_kubernetes_gives_no_rights(workload: dict[str, Any]) -> None:
    """Every pod meets the Pod Security Standard "restricted" and has a read-only root."""
    pod = workload["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["terminationGracePeriodSeconds"] >= STOP_SECONDS
    for container in containers(workload):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() == {"memory"}
        names = {one["name"] for one in container["ports"]}
        for probe in (container["readinessProbe"], container["livenessProbe"]):
            (action,) = (probe[key] for key in ("httpGet", "tcpSocket", "exec") if key in probe)
            assert action.get("port", "redis") in names


@pytest.mark.parametrize("workload", objects("Deployment"), ids=lambda one: one["metadata"]["name"])
def test_kubernetes_runs_the_image(workload: dict[str, Any]) -> None:
    """The processes run as the user of the image, with settings and health checks that exist."""
    (container,) = containers(workload)
    (role,) = container["args"]
    assert workload["metadata"]["name"] == f"emporix-jobs-{role}"
    assert role in commands()
    assert container["image"].endswith(f":{__version__.removesuffix('.dev0')}")
    assert workload["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == USER
    assert {one["name"] for one in container["env"]} <= SETTINGS
    probes = (container["readinessProbe"], container["livenessProbe"])
    assert {probe["httpGet"]["path"] for probe in probes} == PATHS[role]
    values = {one["name"]: one["value"] for one in container["env"]}
    numbers = {one["name"]: str(one["containerPort"]) for one in container["ports"]}
    assert numbers["metrics"] == values["METRICS_PORT"]
    assert numbers.get("http") == values.get("PORT")
    assert [one["mountPath"] for one in container["volumeMounts"]] == [TEMPORARY]


def test_the_objects_of_kubernetes_refer_to_each_other() -> None:
    """Every selector matches a workload's pods, and each Secret and Service that is used exists."""
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in workloads()]
    for one in [*workloads(), *objects("PodDisruptionBudget")]:
        assert one["spec"]["selector"]["matchLabels"] in labels
    assert all(one["spec"]["selector"] in labels for one in objects("Service"))
    (secret,) = objects("Secret")
    assert set(secret["stringData"]) <= SETTINGS
    assert {
        name.upper() for name, field in Settings.model_fields.items() if field.is_required()
    } <= set(secret["stringData"])
    used = {
        one["envFrom"][0]["secretRef"]["name"]
        for d in objects("Deployment")
        for one in containers(d)
    }
    assert used == {secret["metadata"]["name"]}
    services = {one["metadata"]["name"] for one in objects("Service")}
    assert secret["stringData"]["REDIS_URL"].split("//")[1].split(":")[0] in services


def test_every_redis_keeps_its_data() -> None:
    """Redis in compose.yaml and Kubernetes appends to a file in a volume, and evicts nothing."""
    (stateful,) = objects("StatefulSet")
    (container,) = containers(stateful)
    for command in (SERVICES["redis"]["command"], container["args"]):
        assert shlex.join(command) == "redis-server --appendonly yes --maxmemory-policy noeviction"
    assert [one["mountPath"] for one in container["volumeMounts"]] == ["/data"]
    assert SERVICES["redis"]["volumes"] == ["redis:/data"]
    assert SERVICES["redis"]["image"] == container["image"]


def test_every_deployment_waits_for_running_work() -> None:
    """No way to run the app kills a process that is still finishing its work."""
    drain = max(WEB_DRAIN_SECONDS, WORKER_DRAIN_SECONDS) + 10
    assert drain < STOP_SECONDS
    for name in ("web", "worker"):
        assert SERVICES[name]["stop_grace_period"] == f"{STOP_SECONDS}s"


def test_the_base_is_known_to_the_documents() -> None:
    """docs/deployment.md names the base and the ports of the image."""
    guide = text("docs/deployment.md")
    (base,) = re.findall(r"^ARG BASE=docker\.io/library/(\S+)$", DOCKERFILE, re.MULTILINE)
    assert f"`{base}`" in guide
    for number in re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)[-1].split():
        assert number in guide
