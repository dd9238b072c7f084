"""The bare work: decode, resize and encode, by processes that trust every byte."""

from pathlib import Path

import pyvips

from storage.decoder.develop import PREVIEW, THUMBNAIL, WEBP


def prepare() -> None:
    """One thread a process, as in ours."""
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)


def develop(path: Path, folder: Path) -> None:
    preview = pyvips.Image.thumbnail(str(path), PREVIEW, height=PREVIEW, size="down", fail_on="error").copy_memory()
    thumbnail = preview.thumbnail_image(THUMBNAIL, height=THUMBNAIL, size="down")
    for image, name in ((preview, "preview"), (thumbnail, "thumbnail")):
        image.webpsave(str(folder / f"{path.stem}-{name}"), **WEBP)
