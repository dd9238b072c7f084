"""Colours as they come back from an encoder."""


def near(found: object, colour: tuple[int, ...], by: int = 6) -> bool:
    assert isinstance(found, tuple) and len(found) == len(colour)
    return all(abs(one - other) <= by for one, other in zip(found, colour, strict=True))
