"""Encrypts records and API keys in Redis (AES-256-GCM), each bound to its Redis key and field."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.exceptions import RedisError

from bot.domain.accounts import Caller, Connection, Token
from bot.domain.records import InvalidRecord, Serializer
from bot.store import keys as redis_keys

KEY_BYTES = 32
KEY_ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A 256-bit key; its `id` identifies it in encrypted values without revealing the secret."""

    id: str
    secret: bytes = field(repr=False)


def new_key() -> str:
    """Generate a key: 32 random bytes as 44 characters of URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse_keys(text: str) -> tuple[EncryptionKey, ...]:
    """Parse ENCRYPTION_KEYS, keeping the order; raises ValueError with instructions."""
    keys = tuple(_parse(part.strip()) for part in text.split(",") if part.strip())
    if not keys:
        raise ValueError("contains no key: create one with `emporix-bot keys new`")
    return keys


def _parse(text: str) -> EncryptionKey:
    try:
        secret = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise ValueError("contains an invalid key: create one with `emporix-bot keys new`")
    return EncryptionKey(hashlib.sha256(secret).hexdigest()[:KEY_ID_LENGTH], secret)


FORMAT_VERSION = "1"
PSEUDONYM_HEX_DIGITS = 16  # of 64 hexadecimal digits
NONCE_BYTES = 12  # the recommended length for GCM: NIST SP 800-38D, 8.2


class DecryptionError(Exception):
    """The text is damaged or bound to another Redis key or field, or its key isn't configured."""


def build_aad(key: str, field: str = "") -> str:
    """Return the location that an encrypted text is bound to: a Redis key, or a field of a hash."""
    return f"{key}/{field}" if field else key


class Cipher:
    """Encrypts with the first key, decrypts with any: `1.<key id>.<base64 of nonce + ciphertext>`.

    The `aad` (a Redis key and field) is authenticated together with the text, so an encrypted text
    that is copied to another user's record can't be decrypted there.
    """

    def __init__(self, keys: Sequence[EncryptionKey]) -> None:
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._first, self._secret = keys[0].id, keys[0].secret

    def encrypt(self, text: str, aad: str) -> str:
        """Encrypt a text; decryption requires the same `aad` (additional authenticated data)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        encrypted = self._ciphers[self._first].encrypt(nonce, text.encode(), aad.encode())
        return (
            f"{FORMAT_VERSION}.{self._first}.{base64.urlsafe_b64encode(nonce + encrypted).decode()}"
        )

    def pseudonym(self, text: str) -> str:
        """Return a stable pseudonym for a deleted user; it changes only if the first key changes.

        Without that key, the pseudonym can't be reversed or compared with a guess.
        """
        name = hmac.digest(self._secret, b"pseudonym:" + text.encode(), "sha256").hex()
        return f"gone-{self._first}-{name[:PSEUDONYM_HEX_DIGITS]}"

    def is_current(self, encrypted: str) -> bool:
        """Whether a text is encrypted with the first key, in the current format."""
        return encrypted.startswith(f"{FORMAT_VERSION}.{self._first}.")

    def key_id(self, encrypted: str) -> str:
        """Return the key id in an encrypted text."""
        return encrypted.partition(".")[2].partition(".")[0][:KEY_ID_LENGTH]

    def decrypt(self, encrypted: str, aad: str) -> str:
        """Decrypt a text that was encrypted for `aad`; raises DecryptionError."""
        version, _, rest = encrypted.partition(".")
        key_id, _, encoded = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if version != FORMAT_VERSION or cipher is None:
            raise DecryptionError(f"encrypted with key {key_id[:8]!r} in format {version[:8]!r}")
        try:
            data = base64.urlsafe_b64decode(encoded)
            return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], aad.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise DecryptionError("damaged, or encrypted for another place") from error


T = TypeVar("T")

MAX_LOGGED_RECORDS = 1000

logger = logging.getLogger(__name__)


class EncryptedRecords(Generic[T]):
    """Encrypts and decrypts records of one type, each bound to its location in Redis.

    `kind` is the name of the type in the log.
    """

    def __init__(self, cipher: Cipher, kind: str, serializer: Serializer[T]) -> None:
        self._cipher, self._kind, self._serializer = cipher, kind, serializer
        self._logged: set[int] = set()

    def encrypt(self, record: T, key: str, field: str = "") -> str:
        """Encrypt a record for a Redis key, or for a field of the hash at that key."""
        return self._cipher.encrypt(self._serializer.write(record), build_aad(key, field))

    def decrypt(
        self, encrypted: str | None, key: str, field: str = "", **key_fields: Any
    ) -> T | None:
        """Decrypt a record; None if it is missing or can't be decrypted or parsed.

        Each process logs an unreadable record once. The record is kept, because the missing key, or
        a version of the app that can parse the record, may be restored. `key_fields` are the
        record's fields that are derived from its Redis key.
        """
        if not encrypted:
            return None
        where = build_aad(key, field)
        try:
            return self._serializer.read(self._cipher.decrypt(encrypted, where), **key_fields)
        except (DecryptionError, InvalidRecord) as error:
            self._log(hash((where, encrypted)), error)
            return None

    def _log(self, record: int, error: Exception) -> None:
        if record in self._logged:
            return
        if len(self._logged) >= MAX_LOGGED_RECORDS:
            self._logged.clear()
        self._logged.add(record)
        logger.warning("could not read a stored %s: %s", self._kind, error)


DEFAULT_FIELD, CONNECTION_FIELD, TOKEN_FIELD = "default", "connection:", "token:"
"""Fields of an account's hash: the default tenant, and each tenant's connection and token."""

_CONNECTION = Serializer(Connection, "caller", "tenant", "token")
_TOKEN = Serializer(Token)


class AccountEncryption:
    """Encrypts and decrypts the fields of account hashes, each bound to its user and field."""

    def __init__(self, cipher: Cipher) -> None:
        self._connections = EncryptedRecords(cipher, "connection", _CONNECTION)
        self._tokens = EncryptedRecords(cipher, "token", _TOKEN)

    def decrypt_connection(
        self, caller: Caller, tenant: str, fields: Mapping[str, str]
    ) -> Connection | None:
        """Decrypt a connection from the fields of a user's hash; None if it can't be decrypted."""
        name = CONNECTION_FIELD + tenant
        token = self.decrypt_token(caller, tenant, fields.get(TOKEN_FIELD + tenant))
        return self._connections.decrypt(
            fields[name],
            redis_keys.account(caller),
            name,
            caller=caller,
            tenant=tenant,
            token=token,
        )

    def decrypt_token(self, caller: Caller, tenant: str, encrypted: str | None) -> Token | None:
        return self._tokens.decrypt(encrypted, redis_keys.account(caller), TOKEN_FIELD + tenant)

    def encrypt_connection(self, connection: Connection) -> str:
        name = CONNECTION_FIELD + connection.tenant
        return self._connections.encrypt(connection, redis_keys.account(connection.caller), name)

    def encrypt_token(self, connection: Connection, token: Token) -> str:
        name = TOKEN_FIELD + connection.tenant
        return self._tokens.encrypt(token, redis_keys.account(connection.caller), name)


def is_encrypted_field(name: str) -> bool:
    """Whether the account field with this name is encrypted."""
    return name.startswith((CONNECTION_FIELD, TOKEN_FIELD))


HASH_TYPE, STRING_TYPE = "hash", "string"
"""Redis types, as returned by TYPE."""

ENCRYPTED_KEY_PATTERNS = (
    (redis_keys.ALL_ACCOUNTS, HASH_TYPE),
    (redis_keys.ALL_SCHEDULED, HASH_TYPE),
    (redis_keys.ALL_SCHEDULED, STRING_TYPE),
)
"""SCAN patterns, each with the type of the keys to scan for."""

_scheduled = re.escape(redis_keys.SCHEDULED)
_account = re.compile(re.escape(redis_keys.ALL_ACCOUNTS).replace(r"\*", ".*"))
_record = re.compile(rf"{_scheduled}:(digest|alert|cleanup|responses|run):[^:]+")
_watches = re.compile(rf"{_scheduled}:watches:[^:]*:[^:]*:[^:]*")
_text = re.compile(rf"{_scheduled}:(alert:[^:]+:posts|cleanup:[^:]+:jobs)")


def may_hold_encrypted(key: str) -> bool:
    """Whether this key may contain encrypted values."""
    return any(kind.fullmatch(key) for kind in (_account, _record, _watches, _text))


def is_account(key: str) -> bool:
    return bool(_account.fullmatch(key))


def encrypted_texts(key: str, value: Mapping[str, str] | str | None) -> dict[str, str]:
    """Return the encrypted texts at a key by field; a string's text has the field ""."""
    if not value:
        return {}
    if isinstance(value, str):
        return {"": value}
    if _account.fullmatch(key):
        return {name: text for name, text in value.items() if is_encrypted_field(name)}
    if _record.fullmatch(key):
        return {name: text for name, text in value.items() if name == "record"}
    return dict(value)


# ARGV: the field ("" for a string), the old value and the new value.
REPLACE_IF_UNCHANGED = """
if ARGV[1] == '' then
    if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
    redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
    return 1
end
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""


CANARY_TEXT = "emporix-jobs"


class WrongEncryptionKeys(RedisError):
    """None of this process's keys can decrypt the canary."""


class Canary:
    """Checks the encryption keys on each new Redis connection, using a stored encrypted text.

    Pass the same instance to `bot.store.connection.connect` for all clients of a process. The first
    process that connects writes the text; with `create=False`, this process never does. If the text
    can't be decrypted, `problem` is set to a message for the operator, `stop` is called, and no
    connection can be used.
    """

    def __init__(
        self, cipher: Cipher, stop: Callable[[], object] = lambda: None, *, create: bool = True
    ) -> None:
        self._cipher, self._stop, self._create = cipher, stop, create
        self.problem = ""

    def has_refused(self) -> bool:
        """Whether a connection was rejected."""
        return bool(self.problem)

    async def admit(self, connection: Any) -> None:
        """Check a new connection in one round trip; raises WrongEncryptionKeys."""
        encrypted = await _command(connection, "GET", redis_keys.canary())
        if encrypted is None and self._create:
            new = self._cipher.encrypt(CANARY_TEXT, build_aad(redis_keys.canary()))
            await _command(connection, "SET", redis_keys.canary(), new, "NX")
            # Another process may have written it first.
            encrypted = await _command(connection, "GET", redis_keys.canary())
        if encrypted is not None:
            self._check(encrypted.decode() if isinstance(encrypted, bytes) else encrypted)

    def _check(self, encrypted: str) -> None:
        try:
            self._cipher.decrypt(encrypted, build_aad(redis_keys.canary()))
        except DecryptionError as error:
            if not self.problem:
                self.problem = (
                    "ENCRYPTION_KEYS can't decrypt the data in this Redis, and nothing was written "
                    f"to it: {redis_keys.canary()} is {error}. Set the keys of the other "
                    "processes, or the REDIS_URL that belongs to these keys, then start again."
                )
                logger.error("stopping: %s", self.problem)
                self._stop()
            raise WrongEncryptionKeys(str(error)) from error


async def _command(connection: Any, *command: str) -> Any:
    await connection.send_command(*command, check_health=False)
    return await connection.read_response()
