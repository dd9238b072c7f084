"""Settings: what is refused, in one line."""

from pathlib import Path

import pytest

from server import settings
from server.settings import SettingsRefused, read

README = Path(__file__).parent.parent / "README.md"
PRODUCTION = {
    "environment": "production",
    "secret_key": "8f3c1d0b-5a7e-49c2-b6d4-e1f0a2938475",
    "database_url": "postgresql://u:p@db/leporello",
    "redis_url": "redis://redis",
    "s3_endpoint": "http://s3:8333",
    "s3_access_key": "name",
    "s3_secret_key": "key",
    "public_url": "https://books.example.org",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without `.env`, with nothing set."""
    monkeypatch.chdir(tmp_path)
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_development_needs_no_setting() -> None:
    assert read().is_development


def test_production_takes_good_settings() -> None:
    assert not read(**PRODUCTION).is_development


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"secret_key": None}, "SECRET_KEY needs at least 32"),
        ({"secret_key": "short"}, "SECRET_KEY needs at least 32"),
        ({"secret_key": "a" * 40}, "too simple"),
        ({"allowed_origins": "*"}, "ALLOWED_ORIGINS: an origin is like"),
        ({"allowed_origins": "https://a.example/"}, "ALLOWED_ORIGINS: an origin is like"),
        ({"database_url": None}, "DATABASE_URL must be set"),
        ({"public_url": None}, "PUBLIC_URL must be set"),
        ({"public_url": "books.example.org"}, "PUBLIC_URL: it is an address"),
    ],
)
def test_production_refuses_what_is_only_safe_on_ones_own_machine(changed: dict[str, str | None], said: str) -> None:
    with pytest.raises(SettingsRefused, match=said) as refused:
        read(**{**PRODUCTION, **changed})
    assert "\n" not in str(refused.value)


def test_an_unknown_name_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nPROT=9001\n")
    with pytest.raises(SettingsRefused, match=r"^Unknown setting PROT in \.env\.$"):
        read()


def test_the_file_may_be_that_of_compose(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((README.parent / ".env.example").read_text("utf-8"))
    assert read().is_development


def test_a_prefix_that_we_do_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEPORELLO_PORT", "9000")
    with pytest.raises(SettingsRefused, match="Unknown setting LEPORELLO_PORT"):
        read()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "nonsense"),
        ("database_url", "mysql://u:p@host/x"),
        ("database_url", "postgresql://u:p@host:abc/x"),
        ("redis_url", "nonsense"),
        ("redis_url", "redis://"),
        ("s3_endpoint", "localhost:9000"),
        ("s3_public_endpoint", "ftp://host"),
    ],
)
def test_an_address_that_is_none_is_one_line(name: str, value: str) -> None:
    with pytest.raises(SettingsRefused, match=f"^{name.upper()}: it is an address such as [^ ]+\\.$"):
        read(**{name: value})


def test_a_network_that_is_none_is_one_short_line() -> None:
    with pytest.raises(SettingsRefused, match=r"^TRUSTED_PROXIES: [^\[]+\.") as refused:
        read(trusted_proxies="bogus")
    assert len(str(refused.value)) < 200


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example, https://b.example")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8")
    found = read()
    assert found.allowed_origins == ["https://a.example", "https://b.example"]
    assert [str(network) for network in found.trusted_proxies] == ["10.0.0.0/8"]


def test_the_command_line_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9000")
    assert (read().port, read(port=9001).port) == (9000, 9001)


def test_the_readme_lists_the_settings_as_they_are() -> None:
    assert settings.table() in README.read_text("utf-8")
