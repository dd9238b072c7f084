"""The state of a book as a client has it: a snapshot, and the events folded into it."""

from collections.abc import Mapping
from typing import Any


def snapshot(book: Mapping[str, Any]) -> dict[str, Any]:
    """Of what `SNAPSHOT` answers: elements and pages by their ids."""
    return {
        "title": book["title"],
        "elements": {element["id"]: element for element in book["elements"]},
        "pages": {page["id"]: page for page in book["pages"]},
    }


def fold(state: dict[str, Any], event: Mapping[str, Any]) -> None:
    """As docs/live.md says: rows replace those of the same id, deleted ids go."""
    kind = event["__typename"]
    elements, pages = state["elements"], state["pages"]
    if kind in ("CanvasChanged", "ImagesChanged"):
        for element in event["elements"]:
            elements[element["id"]] = element
        for id in event["deletedElementIds"]:
            elements.pop(id, None)
    if kind == "CanvasChanged":
        for page in event["pages"]:
            pages[page["id"]] = page
        for id in event["deletedPageIds"]:
            del pages[id]
            for element in [each for each in elements.values() if each["pageId"] == id]:
                del elements[element["id"]]
    elif kind == "BookChanged":
        state["title"] = event["book"]["title"]


def differences(folded: Mapping[str, Any], asked: Mapping[str, Any], most: int = 3) -> list[str]:
    """Where the two part, in words; empty where they are equal."""
    told = [] if folded["title"] == asked["title"] else [f"title {folded['title']!r}, not {asked['title']!r}"]
    for kind in ("elements", "pages"):
        here, there = folded[kind], asked[kind]
        told += [f"{id} is not there any more" for id in here.keys() - there.keys()]
        told += [f"{id} is missing" for id in there.keys() - here.keys()]
        told += [f"{id} is {here[id]}, not {there[id]}" for id in here.keys() & there.keys() if here[id] != there[id]]
    return told[:most]
