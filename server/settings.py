"""Settings: the one place that has heard of the environment."""

import os
from email.headerregistry import Address
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.relying_party import is_app, is_domain
from models.rules import Days
from resolvers.token import Algorithm
from storage.identities import entries_of
from storage.mailing import MailServer, sender_of

SECRET_LENGTH: Final = 32
_PREFIX: Final = "LEPORELLO_"
_FILE: Final = ".env"
_ADDRESSES: Final = {
    "public_url": "http://books.example.org",
    "database_url": "postgresql://user:password@host:5432/name",
    "redis_url": "redis://host:6379",
    "s3_endpoint": "http://host:8333",
    "s3_public_endpoint": "http://pictures.example.org",
}
#: Of mail that stays in the outbox.
_SENDER: Final = "Leporello <books@leporello.example>"
#: What compose.yaml takes from the same file, for its own servers.
_OF_COMPOSE: Final = {"POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD"}


class SettingsRefused(Exception):
    """The settings cannot be used; the message is one line for whoever wrote them."""


class Settings(BaseSettings):
    """Read from the environment and from `.env`; the names are those of the fields, in capitals."""

    model_config = SettingsConfigDict(env_file=_FILE, extra="ignore", env_ignore_empty=True)

    environment: Literal["development", "production"] = Field(
        "development",
        description="In production, defaults that are only safe on one's own machine are refused.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="How many processes `leporello serve` runs.")
    jobs_at_once: int = Field(4, ge=1, le=64, description="How many jobs `leporello worker` does at a time.")
    public_url: str | None = Field(
        None,
        description="Where clients reach the program, such as https://books.example.org; needed in production.",
    )
    secret_key: str | None = Field(
        None,
        description=f"Signs the tokens: at least {SECRET_LENGTH} random characters in production; `dev` makes its own.",
    )
    former_secret_keys: Annotated[list[str], NoDecode] = Field(
        [], description="Secrets that SECRET_KEY has replaced, separated by commas: what they signed is still good."
    )
    jwt_algorithm: Algorithm = Field(
        Algorithm.HS256,
        description="What signs access tokens: HS256, or EdDSA, with its public keys at /.well-known/jwks.json.",
    )
    session_days: str = Field(
        "60",
        description="Days after which a session ends unless it is refreshed; by platform as in 60,APPLE=90,DESKTOP=14.",
    )
    session_max_days: str = Field("365", description="Days after which any session ends; by platform as above.")
    verified_to_sign_in: bool = Field(False, description="Whether an address has to be confirmed to sign in with it.")
    database_url: str | None = Field(
        None, description="postgresql://user:password@host:port/name; left out, `dev` starts its own."
    )
    database_pool: int = Field(
        10, ge=2, le=100, description="Connections in each of a process's two pools: up to twice as many are opened."
    )
    redis_url: str | None = Field(None, description="redis://…; left out, `dev` starts its own.")
    s3_endpoint: str | None = Field(
        None, description="Where the program reaches the object store; left out, `dev` starts its own."
    )
    s3_public_endpoint: str | None = Field(None, description="Where clients reach it; S3_ENDPOINT unless said.")
    s3_bucket: str = Field("leporello", description="The bucket of the photos.")
    s3_region: str = Field("us-east-1", description="The region that requests are signed for.")
    s3_access_key: str | None = Field(None, description="The key's name.")
    s3_secret_key: str | None = Field(None, description="The key.")
    s3_addressing: Literal["path", "virtual"] = Field("path", description="How URLs name the bucket.")
    s3_tickets: Literal["post", "put"] = Field(
        "post", description="How files are put into the bucket: a form, or PUT where the store takes no forms (R2)."
    )
    smtp_url: str | None = Field(
        None, description="smtp://user:password@host:587, or smtps://…:465; left out, nobody is sent mail."
    )
    mail_from: str | None = Field(
        None, description="Whom mail is from, such as Leporello <books@example.org>; needed with SMTP_URL."
    )
    identity_providers: str | None = Field(
        None,
        description="Where people may have a login (OpenID Connect): a list in JSON, or a file with one; "
        "docs/accounts.md.",
    )
    identity_redirects: Annotated[list[str], NoDecode] = Field(
        [],
        description="Addresses of apps that a provider may send people back to besides PUBLIC_URL's and "
        "ALLOWED_ORIGINS' pages, exactly, separated by commas: org.example.books:/signed-in.",
    )
    upload_limit: int = Field(50 * 2**20, ge=1, le=2**31 - 1, description="The largest photo, in bytes.")
    book_images: int = Field(10_000, ge=1, description="How many photos a book takes.")
    book_bytes: int = Field(
        50 * 10**9, ge=1, description="How many bytes of photos, and of what is made of them, a book takes."
    )
    user_bytes: int = Field(100 * 10**9, ge=1, description="How many of these are one person's, over all books.")
    user_books: int = Field(1_000, ge=1, description="How many books one person may have made, the trash included.")
    user_weight: int = Field(2**30, ge=1, description="How many bytes of elements may be in the books that they made.")
    allowed_origins: Annotated[list[str], NoDecode] = Field(
        [], description="Web pages that may use the API and the bucket, separated by commas."
    )
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        [], description="Names besides PUBLIC_URL's that requests may call us by, separated by commas."
    )
    passkey_domain: str | None = Field(
        None, description="The domain that passkeys are for; PUBLIC_URL's host unless said. With another, none is good."
    )
    passkey_origins: Annotated[list[str], NoDecode] = Field(
        [],
        description="Pages outside of that domain, and Android apps (android:apk-key-hash:…), that may use passkeys.",
    )
    trusted_proxies: Annotated[list[IPv4Network | IPv6Network], NoDecode] = Field(
        [], description="Networks whose X-Forwarded-For is believed, separated by commas."
    )
    introspection: bool | None = Field(None, description="Whether the schema can be asked for; on in development.")
    explorer: bool | None = Field(None, description="Whether a browser gets GraphiQL; on in development.")
    metrics: bool = Field(False, description="Whether /metrics answers Prometheus.")
    otel_exporter_otlp_endpoint: str | None = Field(None, description="Where spans are sent; nowhere unless set.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    query_depth: int = Field(15, ge=1, description="How deep an operation may nest.")
    query_aliases: int = Field(15, ge=0, description="How many aliases an operation may use.")
    query_tokens: int = Field(2000, ge=1, description="How many tokens a document may have.")
    query_cost: int = Field(50_000, ge=1, description="How many objects an operation may be able to return.")
    rate_objects: int = Field(
        1_000_000,
        ge=1_000,
        description="What one person may ask for in a minute, in objects; an operation is at least 100.",
    )
    rate_objects_of_address: int = Field(
        5_000_000, ge=1_000, description="As RATE_OBJECTS, for all at one address who are not signed in."
    )
    rate_factor: float = Field(
        1.0, gt=0, le=1e6, description="Multiplies all limits on how often (docs/accounts.md), for a large school, say."
    )
    trusted_documents: Path | None = Field(
        None, description="A manifest of documents (docs/documents.md); no others are answered then."
    )
    sockets_per_process: int = Field(20_000, ge=1, description="How many websockets a process holds.")
    sockets_per_address: int = Field(12_000, ge=1, description="How many of them may come from one address.")
    sockets_per_user: int = Field(100, ge=1, description="How many of them may be one person's.")
    subscriptions_per_process: int = Field(100_000, ge=1, description="How many operations run on all of them.")
    subscriptions_per_socket: int = Field(100, ge=1, description="How many operations run on one of them.")
    request_bytes: int = Field(2**20, ge=1, description="The largest request, in bytes.")

    @field_validator(
        "allowed_origins",
        "allowed_hosts",
        "trusted_proxies",
        "former_secret_keys",
        "passkey_origins",
        "identity_redirects",
        mode="before",
    )
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator(*_ADDRESSES)
    @classmethod
    def _address(cls, value: str | None, asked: ValidationInfo) -> str | None:
        example = _ADDRESSES[str(asked.field_name)]
        if value is None:
            return None
        scheme = example.split(":")[0]
        try:
            parts = urlsplit(value)
            # Reading the port is what finds one that is none.
            well = parts.scheme in (scheme, f"{scheme}s") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            well = False
        if not well:
            raise ValueError(f"it is an address such as {example}")
        return value.rstrip("/")

    @field_validator("session_days", "session_max_days")
    @classmethod
    def _days(cls, value: str) -> str:
        Days.read(value)
        return value

    @field_validator("identity_providers")
    @classmethod
    def _providers(cls, value: str | None) -> str | None:
        if value is not None:
            entries_of(value)
        return value

    @field_validator("identity_redirects")
    @classmethod
    def _redirects(cls, value: list[str]) -> list[str]:
        for uri in value:
            parts = urlsplit(uri)
            runs = parts.scheme in ("", "javascript", "data", "file")
            if runs or "#" in uri or not uri.isprintable():
                raise ValueError("an address of an app is like org.example.books:/signed-in, without a fragment")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str | None) -> str | None:
        if value is not None:
            MailServer.read(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None:
            sender_of(value)
        return value

    @field_validator("passkey_domain")
    @classmethod
    def _domain(cls, value: str | None) -> str | None:
        if value is not None and not is_domain(value):
            raise ValueError("a domain is like example.org, in lower case")
        return value

    @field_validator("allowed_origins", "passkey_origins")
    @classmethod
    def _origins(cls, value: list[str], asked: ValidationInfo) -> list[str]:
        for origin in value:
            if asked.field_name == "passkey_origins" and is_app(origin):
                continue
            parts = urlsplit(origin)
            if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in ("http", "https"):
                raise ValueError("an origin is like https://books.example.org, without a path")
        return value

    @model_validator(mode="after")
    def _is_from_somebody(self) -> "Settings":
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError("MAIL_FROM must be set with SMTP_URL")
        return self

    @model_validator(mode="after")
    def _is_safe(self) -> "Settings":
        if self.environment == "development":
            return self
        secret = self.secret_key or ""
        if len(secret) < SECRET_LENGTH:
            raise ValueError(f"SECRET_KEY needs at least {SECRET_LENGTH} random characters in production")
        if len(set(secret)) < 10:
            raise ValueError("SECRET_KEY is too simple for production")
        missing = [
            name.upper()
            for name in (
                "database_url",
                "redis_url",
                "s3_endpoint",
                "s3_access_key",
                "s3_secret_key",
                "public_url",
            )
            if getattr(self, name) is None
        ]
        if missing:
            raise ValueError(f"{', '.join(missing)} must be set in production")
        return self

    @property
    def address(self) -> str:
        """Where clients reach the program."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def bucket_address(self) -> str | None:
        """Where clients reach the object store."""
        return self.s3_public_endpoint or self.s3_endpoint

    @property
    def sender(self) -> Address:
        """Whom mail is from."""
        return sender_of(self.mail_from or _SENDER)

    @property
    def introspects(self) -> bool:
        return self.is_development if self.introspection is None else self.introspection

    @property
    def is_development(self) -> bool:
        return self.environment == "development"


def read(**given: Any) -> Settings:
    """The settings, with what the command line gives on top. Raises SettingsRefused."""
    unknown = sorted(name for name in os.environ if name.startswith(_PREFIX))
    if unknown:
        raise SettingsRefused(f"Unknown setting {', '.join(unknown)}: settings have no prefix.")
    known = {name.upper() for name in Settings.model_fields} | _OF_COMPOSE
    unknown = sorted({name.upper() for name in dotenv_values(_FILE)} - known)
    if unknown:
        raise SettingsRefused(f"Unknown setting {', '.join(unknown)} in {_FILE}.")
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise SettingsRefused("; ".join(_line(one) for one in error.errors())) from None


def _line(error: Any) -> str:
    name = str(error["loc"][0]).upper() if error["loc"] else ""
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}." if name else f"{message}."


def table() -> str:
    """The settings as the README shows them, in Markdown."""
    rows = ["| name | unless set | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `{name.upper()}` | {_shown(field.get_default())} | {field.description} |")
    return "\n".join(rows)


def _shown(default: Any) -> str:
    if default is None or default == []:
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
