"""Thumbhash: what to paint while a picture loads, in some 25 bytes.

After the reference by Evan Wallace, https://github.com/evanw/thumbhash (MIT), `rgbaToThumbHash`, added up in its order:
a term that is nothing lies between two digits, and the last bit decides.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, repeat
from operator import mul

#: The longer side of what is hashed, in pixels: more than four for each of its seven half-waves.
SIDE = 32

_Channel = tuple[float, list[float], float]


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """The hash of pixels of four bytes, row by row, their colours not multiplied by their alpha."""
    alpha = [value / 255 for value in rgba[3::4]]
    opacity = _sum(alpha)
    average = [_sum(a / 255 * value for a, value in zip(alpha, rgba[band::4], strict=True)) for band in range(3)]
    average = [mean / opacity if opacity else mean for mean in average]
    red, green, blue = (
        [mean * (1 - a) + a / 255 * value for a, value in zip(alpha, rgba[band::4], strict=True)]
        for band, mean in enumerate(average)
    )
    has_alpha = opacity < width * height
    most = 5 if has_alpha else 7
    across = max(1, _round(most * width / max(width, height)))
    down = max(1, _round(most * height / max(width, height)))

    lightness = [(r + g + b) / 3 for r, g, b in zip(red, green, blue, strict=True)]
    yellow_blue = [(r + g) / 2 - b for r, g, b in zip(red, green, blue, strict=True)]
    red_green = [r - g for r, g in zip(red, green, strict=True)]
    l_dc, l_ac, l_scale = _encoded(lightness, width, height, max(3, across), max(3, down))
    p_dc, p_ac, p_scale = _encoded(yellow_blue, width, height, 3, 3)
    q_dc, q_ac, q_scale = _encoded(red_green, width, height, 3, 3)

    is_landscape = width > height
    head = _round(63 * l_dc) | _round(31.5 + 31.5 * p_dc) << 6 | _round(31.5 + 31.5 * q_dc) << 12
    head |= _round(31 * l_scale) << 18 | has_alpha << 23
    tail = (down if is_landscape else across) | _round(63 * p_scale) << 3 | _round(63 * q_scale) << 9
    tail |= is_landscape << 15
    written = head.to_bytes(3, "little") + tail.to_bytes(2, "little")
    varying = [*l_ac, *p_ac, *q_ac]
    if has_alpha:
        a_dc, a_ac, a_scale = _encoded(alpha, width, height, 5, 5)
        written += bytes([_round(15 * a_dc) | _round(15 * a_scale) << 4])
        varying += a_ac
    return written + bytes(_nibbles([_round(15 * factor) for factor in varying]))


def _encoded(channel: list[float], width: int, height: int, across: int, down: int) -> _Channel:
    """Its cosine transform: the constant term, the varying ones from 0 to 1, and their scale."""
    rows = [_waves(width, cx) * height for cx in range(across)]
    terms: list[float] = []
    for cy in range(down):
        column = list(chain.from_iterable(repeat(wave, width) for wave in _waves(height, cy)))
        low = (row for cx, row in enumerate(rows) if cx * down < across * (down - cy))
        terms += [_sum(map(mul, map(mul, channel, row), column)) / (width * height) for row in low]
    constant, *varying = terms
    scale = max(map(abs, varying))
    return constant, [0.5 + 0.5 / scale * term for term in varying] if scale else varying, scale


def _waves(length: int, frequency: int) -> list[float]:
    return [math.cos(math.pi / length * frequency * (place + 0.5)) for place in range(length)]


def _sum(values: Iterable[float]) -> float:
    """One after the other; `sum` makes up for what is rounded away, from Python 3.12 on."""
    return deque(accumulate(values, initial=0.0), maxlen=1)[0]


def _nibbles(values: list[int]) -> Iterator[int]:
    for low, high in zip(values[::2], [*values[1::2], 0], strict=False):
        yield low | high << 4


def _round(value: float) -> int:
    """As JavaScript does: halves go up."""
    return math.floor(value + 0.5)
