"""Photos of some 3 MB and 12 megapixels each, no two of them alike."""

from pathlib import Path
from typing import Any, Final

import pyvips

_SAMPLES: Final = Path(__file__).parents[2] / "tests" / "photos"
#: The longer side of a photo of 12 megapixels.
_SIDE: Final = 4240
_QUALITY: Final = 86
#: As much grain as makes 3 MB of it.
_GRAIN: Final = 5


def made(folder: Path, number: int) -> list[Path]:
    """So many of them in the folder, from the sample photographs."""
    sources = sorted(_SAMPLES.glob("*.jpg"))
    paths = [folder / f"{place}.jpg" for place in range(number)]
    # A few are painted, and the rest are those with other bytes behind their end: to a decoder all are alike.
    painted = [_painted(source, place) for place, source in enumerate(sources)]
    for place, path in enumerate(paths):
        path.write_bytes(painted[place % len(painted)] + place.to_bytes(4))
    return paths


def _painted(source: Path, seed: int) -> bytes:
    image: Any = pyvips.Image.new_from_file(str(source)).autorot()
    image = image.resize(_SIDE / max(image.width, image.height))
    grain = pyvips.Image.gaussnoise(image.width, image.height, sigma=_GRAIN, mean=0, seed=seed)
    # Without its own EXIF, which is a small file's.
    written: bytes = (image + grain).cast("uchar").jpegsave_buffer(Q=_QUALITY, keep="none")
    return written
