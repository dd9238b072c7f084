"""The explorer's examples: one document a tab, with its first variables, in the order of their names."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Example:
    """A step of the story. `variables` is JSON as the variables box shows it, or empty."""

    name: str
    query: str
    variables: str


def examples() -> Iterator[Example]:
    for document in sorted(FOLDER.glob("*.graphql")):
        variables = document.with_suffix(".json")
        yield Example(
            name=document.stem,
            query=document.read_text("utf-8"),
            variables=variables.read_text("utf-8").strip() if variables.exists() else "",
        )


def examples_json() -> bytes:
    """All of them, and a version that changes whenever one of them does."""
    found = [asdict(example) for example in examples()]
    version = sha256(json.dumps(found).encode()).hexdigest()[:12]
    return json.dumps({"version": version, "examples": found}).encode()
