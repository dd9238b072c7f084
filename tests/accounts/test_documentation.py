"""docs/accounts.md against the schema: what it shows can be pasted into the explorer, and its error tables name what
there is."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    parse,
    validate,
)

import schema
from models.refusal import BadUserInput, RateLimited, Unauthenticated, Unavailable
from schema.error import UserErrorCode

TOLD = (Path(__file__).parents[2] / "docs/accounts.md").read_text("utf-8")
BLOCK = re.compile(r"^( *)```graphql\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
TABLE = re.compile(r"^\| code \| path \| do \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)
#: What begins an operation, at the beginning of a line of no block.
LOOSE = re.compile(r"^\s*(?:query|mutation|subscription)\b(?!:).*\{|^\s*\{\s*\w+\s*\{", re.MULTILINE)
CODES = {code.value for code in UserErrorCode} | {
    each.code for each in (BadUserInput, RateLimited, Unauthenticated, Unavailable)
}


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return schema.build()._schema


def test_every_block_is_valid_and_every_operation_has_a_name_of_its_own(contract: GraphQLSchema) -> None:
    blocks = [dedent(text) for _, text in BLOCK.findall(TOLD)]
    assert len(blocks) == TOLD.count("```graphql") >= 20
    names = []
    for block in blocks:
        document = parse(block)
        assert not validate(contract, document), block
        for each in document.definitions:
            # GraphiQL runs the one under the cursor of several, and knows them by their names alone.
            assert isinstance(each, OperationDefinitionNode) and each.name is not None, block
            names.append(each.name.value)
    assert len(names) == len(set(names))
    assert not LOOSE.search(BLOCK.sub("", TOLD))


def test_error_tables_name_codes_and_arguments_that_there_are(contract: GraphQLSchema) -> None:
    assert contract.mutation_type is not None
    mutations = contract.mutation_type.fields
    paths = {path for field in mutations.values() for path in _paths(field.args)}
    rows = [row.split(" | ") for table in TABLE.findall(TOLD) for row in table.splitlines()]
    assert len(rows) >= 60
    for code, path, *_ in rows:
        for name in re.findall(r"\b[A-Z][A-Z_]{3,}\b", code):
            assert name in CODES, code
        for name in re.findall(r"`([^`]+)`", path):
            assert name in paths or name in mutations, path
    # One notation: dots, and no brackets.
    assert not re.search(r'`\[(?:input|password|id)|`input, |\["input", "(?!email"\])', TOLD)


def _paths(of: dict[str, GraphQLArgument] | dict[str, GraphQLInputField], before: str = "") -> Iterator[str]:
    for name, each in of.items():
        yield f"{before}{name}"
        inner = get_named_type(each.type)
        if isinstance(inner, GraphQLInputObjectType):
            yield from _paths(inner.fields, f"{before}{name}.")
