"""Pictures developed one after the other, with what their processes used."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any

import pillow_heif
import pytest
from PIL import Image

from storage.picture import Developed, Made, NotAPicture, Pictures, sniff
from storage.picture.zygote import Ended, Request

pillow_heif.register_heif_opener()


@dataclass
class Darkroom:
    """Keeps in `used` how the process of the last picture ended."""

    pictures: Pictures
    folder: Path
    used: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        run = self.pictures._zygote.run

        async def kept(request: Request, files: list[IO[Any]]) -> Ended:
            ended = await run(request, files)
            self.used.append(ended)
            return ended

        self.pictures._zygote.run = kept  # type: ignore[method-assign, assignment]

    async def develop(self, content: bytes, declared_type: str | None = None) -> Developed:
        folder = Path(mkdtemp(dir=self.folder))
        (folder / "upload").write_bytes(content)
        self.used.clear()
        return await self.pictures.develop(folder / "upload", declared_type or str(sniff(content[:256])), folder)

    async def refusal(self, content: bytes, declared_type: str | None = None) -> str:
        with pytest.raises(NotAPicture) as refused:
            await self.develop(content, declared_type)
        return refused.value.reason

    @property
    def cpu(self) -> float:
        """Seconds of CPU for the last picture."""
        return sum(ended.cpu for ended in self.used)

    @property
    def peak(self) -> float:
        """Bytes that were resident at most for the last picture."""
        return max(ended.peak for ended in self.used) * 1024


def read(made: Made) -> Image.Image:
    """As a library reads it that made none of it."""
    image = Image.open(io.BytesIO(made.path.read_bytes()))
    image.load()
    return image
