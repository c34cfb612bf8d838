"""Proxies, certificates and long headers work the same for Slack and Emporix."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from slack_sdk.errors import SlackClientError

from bot.emporix.http import http_client
from bot.http_session import trusted_certificates
from bot.resources import slack_client, slack_session
from bot.settings import Settings
from bot.store.encryption import new_key
from tests.emporix.scripted import Script, reply, scripted

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
OK = reply({"ok": True, "id": "j1"}, headers={"Content-Type": "application/json"})

Ask = Callable[[str], Awaitable[object]]


async def ask_slack(url: str) -> object:
    """A call of the Web API at `url`, as the app makes it."""
    settings = Settings(
        slack_bot_token=SecretStr("xoxb-1"),
        slack_signing_secret=SecretStr("0" * 32),
        redis_url=SecretStr("redis://localhost:6379/0"),
        encryption_keys=SecretStr(new_key()),
    ).model_copy(update={"slack_api_url": url})  # by http, so that a proxy sees the request
    async with slack_session() as session:
        return await slack_client(settings, session, repeats=False).api_call("auth.test")


async def ask_emporix(url: str) -> object:
    """A call of Emporix at `url`, as the app makes it."""
    async with http_client(url) as http:
        return (await http.get("/auth.test")).raise_for_status()


BOTH = pytest.mark.parametrize("ask", [ask_slack, ask_emporix])
TROUBLE = (aiohttp.ClientError, httpx.TransportError, SlackClientError)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the proxies of the test, and certificates that are loaded again."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    trusted_certificates.cache_clear()
    yield
    trusted_certificates.cache_clear()


def hosts(script: Script) -> list[str]:
    """The hosts requested from a proxy."""
    return [request.target.split("/auth.test")[0] for request in script.requests]


@BOTH
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_uses_the_proxy(ask: Ask, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clients use the proxy of the environment, with its password."""
    async with scripted(OK) as proxy:
        monkeypatch.setenv(name, proxy.url.replace("//", "//user:word@"))
        await ask("http://service.invalid")
        assert hosts(proxy) == ["http://service.invalid"]
        assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")


@BOTH
@pytest.mark.parametrize("no", ["127.0.0.1", "localhost,127.0.0.1", "*"])
async def test_leaves_the_proxy_out(ask: Ask, no: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY applies to both clients."""
    async with scripted(OK) as server, scripted() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", no)
        await ask(server.url)
        assert (len(server.requests), proxy.requests) == (1, [])


@BOTH
async def test_https_goes_through_a_tunnel(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """For https a proxy is asked for a tunnel; its refusal is no response of the service."""
    async with scripted(reply(b"no", status=403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(TROUBLE):
            await ask("https://service.invalid")
        assert proxy.targets == ["CONNECT service.invalid:443"]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
async def test_a_websocket_goes_through_a_tunnel(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The WebSockets of Socket Mode use the proxy for https."""
    async with scripted(reply(b"no", status=403)) as proxy:
        monkeypatch.setenv(name, proxy.url)
        async with slack_session() as session:
            with pytest.raises(aiohttp.ClientError):
                await session.ws_connect("wss://service.invalid/link/?ticket=1")
        assert proxy.targets == ["CONNECT service.invalid:443"]


@BOTH
async def test_says_that_a_proxy_cannot_be_used(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unsupported kind of proxy is logged without its password."""
    async with scripted(OK) as server:
        monkeypatch.setenv("HTTP_PROXY", "socks5://user:secretword@127.0.0.1:1")
        await ask(server.url)
    assert "the proxy for http is not used" in caplog.text
    assert "secretword" not in caplog.text


@BOTH
async def test_ignores_netrc(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in ~/.netrc doesn't replace a token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password word\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(netrc))
    async with scripted(OK) as server:
        await ask(server.url)
        assert "Basic" not in server.requests[0].headers.get("authorization", "")


@BOTH
@pytest.mark.parametrize("size", [9_000, 60_000])
async def test_reads_long_headers(ask: Ask, size: int) -> None:
    """Long response headers are accepted."""
    headers = {"Content-Type": "application/json", "Content-Security-Policy": "a" * size}
    async with scripted(reply({"ok": True}, headers=headers)) as server:
        await ask(server.url)


@asynccontextmanager
async def tls_server(folder: Path) -> AsyncIterator[tuple[str, Path]]:
    """A server with its own certificate; returns its address and the certificate's file."""
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with scripted(OK, OK, OK, OK, tls=context) as server:
        yield server.url, certificate


def _certificate(folder: Path) -> Path:
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]),
    )
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "certificate.pem"
    path.write_bytes(secret + built.public_bytes(serialization.Encoding.PEM))
    return path


@BOTH
async def test_trusts_certificates_of_the_environment(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE applies to both clients, and untrusted certificates are rejected."""
    async with tls_server(tmp_path) as (url, certificate):
        with pytest.raises(TROUBLE, match=r"(?i)certificate"):
            await ask(url)
        trusted_certificates.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await ask(url)


async def test_slack_answers_within_ten_seconds_or_not_at_all() -> None:
    """Also a response_url, whose call has no time limit of its own: the answer then goes another
    way, and the worker's place is free again.
    """
    async with slack_session() as session:
        assert session.timeout.total == 10
