"""Files that were pictures before somebody wrote into them: the same ones for the same seed."""

import random
from collections.abc import Iterator

from PIL import Image

from tests.pictures import photos

#: What can be done to a file, besides writing anything anywhere.
_EDGES = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0\0\0\0\0")


def noisy(number: int, seed: str = "noise") -> Iterator[tuple[str, bytes]]:
    """So many of them, of each kind in turn, with what they are announced as."""
    whole = {content_type: list(_sound(content_type)) for content_type in photos.KINDS}
    for place in range(number):
        story = random.Random(f"{seed} {place}")
        content_type = photos.KINDS[place % len(photos.KINDS)]
        yield content_type, _spoiled(bytearray(story.choice(whole[content_type])), story)


def _sound(content_type: str) -> Iterator[bytes]:
    yield photos.talkative(content_type)
    yield photos.encoded(photos.quarters(300, 200), content_type)
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("#f00", "#0f0", "#00f")]
    if content_type == "image/heic":
        yield photos.grid()
    elif content_type != "image/jpeg":
        yield photos.encoded(frames[0], content_type, save_all=True, append_images=frames[1:])


def _spoiled(content: bytearray, story: random.Random) -> bytes:
    for _ in range(story.randint(1, 3)):
        # What matters stands in front.
        at = story.randrange(len(content) if story.random() < 0.5 else min(len(content), 300))
        deed = story.randrange(5)
        if deed == 0:
            content[at] = story.randrange(256)
        elif deed == 1:
            edge = story.choice(_EDGES)
            content[at : at + len(edge)] = edge
        elif deed == 2:
            del content[at : at + story.randint(1, 8)]
        elif deed == 3:
            content[at:at] = story.randbytes(story.randint(1, 8))
        else:
            other = story.randrange(len(content))
            content[at : at + 20] = content[other : other + 20]
    return bytes(content)
