"""The rooms have common names: nobody else's package may answer to them."""

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ROOMS = ["schema", "resolvers", "models", "storage", "server"]


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_no_other_distribution_owns_a_room() -> None:
    owners = packages_distributions()
    assert {room: set(owners.get(room, ["leporello"])) for room in ROOMS} == {room: {"leporello"} for room in ROOMS}


def test_every_room_is_packaged_and_is_a_package() -> None:
    assert pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ROOMS
    assert all((ROOT / room / "__init__.py").is_file() for room in ROOMS)


def test_it_cannot_be_uploaded_by_mistake() -> None:
    assert "Private :: Do Not Upload" in pyproject()["project"]["classifiers"]


def test_every_requirement_is_locked_with_its_hashes_and_without_an_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pinned = [line for line in lock.splitlines() if line and line[0] not in " #"]
    assert pinned and all("==" in line and line.endswith("\\") for line in pinned)
    names = {line.split("==")[0] for line in pinned}
    asked = pyproject()["project"]["dependencies"]
    assert {requirement.split(">")[0].split("[")[0] for requirement in asked} <= names
