"""Builds and runs images with Docker or Podman or, without their daemon, with Buildah and chroot.

Every container has the network of this machine and a read-only root file system.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.processes import PROJECT

USER = "10001"
BUILD_TOOLS = ("buildah", "debootstrap", "unshare", "nsenter", "chroot")
INSTALL = "Install Docker or Podman or, as root on Debian: apt-get install buildah debootstrap"
START_SECONDS = 10.0

DEBIAN, DEBIAN_BASE = "bookworm", "localhost/debian-with-python3"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

ISOLATE = f"""
set -e
root=$1 folder=$2 volumes=$3
shift 3
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for volume in $volumes; do
  mount -t tmpfs -o uid={USER},gid={USER},mode=700 tmpfs "$root$volume"
done
exec chroot --userspec={USER}:{USER} "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""
"""Makes a process the first one of its container: arguments are the root, the working directory,
the volumes and the command."""


@dataclass(frozen=True, slots=True)
class Container:
    """A running container: a local process, the host's id of its first process, and how to exec."""

    process: subprocess.Popen[bytes]
    pid: int
    execute: Sequence[str]
    environment: Mapping[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command in the container."""
        arguments = [*self.execute, *command]
        return subprocess.run(arguments, env=self.environment, capture_output=True, text=True)

    def terminate(self) -> None:
        """Send SIGTERM to the first process."""
        os.kill(self.pid, signal.SIGTERM)


class Engine(ABC):
    """Builds images from the project's Dockerfile on the image `base`, and runs them."""

    base: str

    @abstractmethod
    def build(self, tag: str, target: str) -> None:
        """Build a target of the Dockerfile."""

    @abstractmethod
    def config(self, tag: str) -> dict[str, Any]:
        """Return the configuration of an image, with the names that Docker uses."""

    @abstractmethod
    def output(self, tag: str, *command: str) -> str:
        """Return what a command prints that runs in an image as root."""

    @abstractmethod
    def start(
        self, tag: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Any:
        """Run a command until the context ends, and yield its `Container`."""


class DockerEngine(Engine):
    """Docker, or Podman, which has the same commands."""

    def __init__(self, program: str, pip_conf: Path) -> None:
        self._program, self._pip_conf = program, pip_conf
        default = re.search(r"^ARG BASE=(\S+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
        assert default
        self.base = os.environ.get("BASE", default[1])

    def build(self, tag: str, target: str) -> None:
        podman = ["--format", "docker"] if self._program == "podman" else []
        options = ["--build-arg", f"BASE={self.base}", "--target", target, "--tag", tag, *podman]
        self._call("build", *options, "--secret", f"id=pip.conf,src={self._pip_conf}", str(PROJECT))

    def config(self, tag: str) -> dict[str, Any]:
        (found,) = json.loads(self._call("image", "inspect", tag))
        config: dict[str, Any] = found["Config"]
        return config | {"Healthcheck": config.get("Healthcheck") or found.get("Healthcheck")}

    def output(self, tag: str, *command: str) -> str:
        name, *rest = command
        return self._call("run", "--rm", "--user=0", f"--entrypoint={name}", tag, *rest)

    @contextmanager
    def start(
        self, tag: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Iterator[Container]:
        name = f"emporix-jobs-{secrets.token_hex(4)}"
        options = ["--rm", f"--name={name}", "--network=host", "--read-only", "--tmpfs=/tmp"]
        settings = [f"--env={key}={value}" for key, value in environment.items()]
        arguments = [self._program, "run", *options, *settings, tag, *command]
        with log.open("ab") as stream:
            process = subprocess.Popen(arguments, stdout=stream, stderr=stream)
        try:  # the client passes signals on
            yield Container(process, process.pid, [self._program, "exec", name], os.environ)
        finally:
            subprocess.run([self._program, "rm", "--force", name], capture_output=True)
            process.wait()

    def _call(self, *arguments: str) -> str:
        return _call([self._program, *arguments], os.environ)


class BuildahEngine(Engine):
    """Buildah, which needs no daemon and no public image: the base is made by debootstrap."""

    base = DEBIAN_BASE

    def __init__(self, folder: Path, pip_conf: Path) -> None:
        self._pip_conf, self._containers = pip_conf, dict[str, str]()
        storage = [f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}"]
        self._program = ["buildah", *storage, "--storage-driver=vfs"]
        self._make_base(folder / "base")

    def build(self, tag: str, target: str) -> None:
        options = [f"--build-arg=BASE={self.base}", f"--target={target}", f"--tag={tag}"]
        secret = f"--secret=id=pip.conf,src={self._pip_conf}"
        self._call("bud", "--format=docker", *options, secret, str(PROJECT))

    def config(self, tag: str) -> dict[str, Any]:
        found = json.loads(self._call("inspect", "--type=image", tag))
        config: dict[str, Any] = found["Docker"]["config"]
        return config

    def output(self, tag: str, *command: str) -> str:
        return self._call("run", "--user=0", self._container(tag), "--", *command)

    @contextmanager
    def start(
        self, tag: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Iterator[Container]:
        config = self.config(tag)
        all_environment = dict(one.split("=", 1) for one in config["Env"]) | dict(environment)
        root = self._call("mount", self._container(tag)).strip()
        inside = [root, config["WorkingDir"], " ".join(config.get("Volumes") or ())]
        arguments = [*_host("unshare", "--mount", "--pid", "--fork"), *_host("sh", "-c", ISOLATE)]
        arguments += ["isolate", *inside, *config["Entrypoint"], *(command or config["Cmd"])]
        with log.open("ab") as stream:
            process = subprocess.Popen(arguments, env=all_environment, stdout=stream, stderr=stream)
        pid = _child(process)
        execute = _host("nsenter", f"--target={pid}", "--mount", "--pid")
        execute += _host("chroot", f"--userspec={USER}:{USER}", root)
        try:
            yield Container(process, pid, execute, all_environment)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # ends every process of its PID namespace
            process.wait()

    def close(self) -> None:
        self._call("rm", "--all")
        self._call("rmi", "--all", "--force")

    def _container(self, tag: str) -> str:
        """Return a container of an image; its processes share it, because it is read-only."""
        if tag not in self._containers:
            self._containers[tag] = self._call("from", "--pull-never", tag).strip()
        return self._containers[tag]

    def _make_base(self, folder: Path) -> None:
        """Make an image with what engines and public images provide, and this machine's CAs."""
        packages = "--include=python3,ca-certificates"
        _call(["debootstrap", "--variant=minbase", packages, DEBIAN, str(folder)], os.environ)
        shutil.copy(CERTIFICATES, folder / CERTIFICATES.relative_to("/"))
        (folder / "etc/hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")
        container = self._call("from", "scratch").strip()
        self._call("add", "--quiet", container, str(folder), "/")
        shutil.rmtree(folder)
        self._call("config", f"--env=PATH={SYSTEM_PATH}", container)
        self._call("commit", "--quiet", "--rm", container, self.base)

    def _call(self, *arguments: str) -> str:
        return _call([*self._program, *arguments], os.environ | {"BUILDAH_ISOLATION": "chroot"})


@contextmanager
def open_engine(folder: Path) -> Iterator[Engine]:
    """Yield the engine of this machine; its images stay only if it is Docker or Podman."""
    pip_conf = folder / "pip.conf"
    pip_conf.write_text(_pip_conf(), encoding="utf-8")
    for program in ("docker", "podman"):
        if (
            shutil.which(program)
            and subprocess.run([program, "info"], capture_output=True).returncode == 0
        ):
            yield DockerEngine(program, pip_conf)
            return
    if os.geteuid() != 0 or not all(map(shutil.which, BUILD_TOOLS)):
        raise SystemExit(INSTALL)
    engine = BuildahEngine(folder, pip_conf)
    try:
        yield engine
    finally:
        engine.close()


def _is_file(word: str) -> bool:
    return word.startswith(("file:", "/", "~"))


def _pip_conf() -> str:
    """Return pip's settings. A container lacks the files that they name, except CERTIFICATES."""
    lines = ["[global]"]
    for line in _call([*_host("python3"), "-m", "pip", "config", "list"], os.environ).splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        words = value.strip("'").split()
        if kept := [word for word in words if word == str(CERTIFICATES) or not _is_file(word)]:
            lines.append(f"{name} = {' '.join(kept)}")
    return "\n".join([*dict.fromkeys(lines), ""])


def _child(process: subprocess.Popen[bytes]) -> int:
    """Return the id of the only child of a process, as soon as there is one."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    ends = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < ends:
        if found := children.read_text(encoding="ascii").split():
            return int(found[0])
        time.sleep(0.01)
    raise AssertionError("the container did not start")


def _host(program: str, *arguments: str) -> list[str]:
    """Return a command with the absolute path that its program has on this machine."""
    found = shutil.which(program)
    assert found, f"{program} is missing"
    return [found, *arguments]


def _call(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"{' '.join(arguments)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    )
    return done.stdout
