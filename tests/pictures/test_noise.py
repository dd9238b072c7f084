"""Whatever stands in a file, there is an answer: a picture, or a reason."""

import os
from collections import Counter

from storage.picture import NotAPicture
from tests.pictures.darkroom import Darkroom, read
from tests.pictures.noise import noisy

#: How many files; FUZZED=500 for the long run, of the same beginning.
FILES = int(os.environ.get("FUZZED", "50"))


async def test_noise_is_answered_and_the_next_picture_is_fine(darkroom: Darkroom) -> None:
    answers: Counter[str] = Counter()
    for content_type, content in noisy(FILES):
        try:
            developed = await darkroom.develop(content, content_type)
        except NotAPicture as refused:
            assert refused.reason
            answers[refused.reason] += 1
        else:
            assert read(developed.preview).format == "WEBP"
            assert b"canary" not in developed.preview.path.read_bytes() + developed.thumbnail.path.read_bytes()
            answers["a picture"] += 1
    print(dict(answers))
    # Neither were all of them spoiled, nor none.
    assert answers["a picture"] > FILES / 20
    assert answers.total() - answers["a picture"] > FILES / 20
