"""What the tests of pictures share: the real processes, and a folder for what they make."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from storage.picture import Pictures
from tests import images
from tests.pictures.darkroom import Darkroom


@pytest_asyncio.fixture
async def pictures() -> AsyncIterator[Pictures]:
    async with Pictures() as pictures:
        yield pictures


@pytest_asyncio.fixture(scope="session")
async def darkroom(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Darkroom]:
    async with Pictures() as pictures:
        yield Darkroom(pictures, tmp_path_factory.mktemp("darkroom"))


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 megapixels, which take a second."""
    path = tmp_path_factory.mktemp("pictures") / "slow.png"
    path.write_bytes(images.bomb(4_900, 4_890, bits=64))
    return path
