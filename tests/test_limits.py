"""How much a document may ask for, and how soon too much is refused."""

import gc
from time import process_time

import pytest
from graphql import get_introspection_query, parse
from strawberry.extensions import AddValidationRules
from strawberry.schema import Schema

from server.graphql import Limits
from server.graphql.documents import Documents, Rejected
from server.graphql.kept import keeping
from server.graphql.limits import comparing, within
from server.graphql.measure import measure
from tests.client import answered
from tests.served import Mutation, Query, Subscription, schema, serve

LIMITS = Limits()


def documents(limits: Limits = LIMITS, *, introspection: bool = True) -> Documents:
    return keeping(schema, limits, introspection=introspection)[1]


def refusals(text: str, limits: Limits = LIMITS, *, introspection: bool = True) -> list[str]:
    try:
        documents(limits, introspection=introspection).read(text)
    except Rejected as rejected:
        return [error.message for error in rejected.errors]
    return []


def deep(levels: int) -> str:
    """So many fields within one another."""
    return "{ node " + "{ next " * (levels - 2) + "{ number }" + " }" * (levels - 2) + " }"


def doubling(levels: int) -> str:
    """Fragments that each spread the next one twice: 2^levels fields."""
    fragments = [f"fragment F{i} on Node {{ ...F{i + 1} ...F{i + 1} }}" for i in range(levels)]
    return "{ node { ...F0 } } " + " ".join(fragments) + f" fragment F{levels} on Node {{ n: number }}"


@pytest.mark.parametrize(
    ("allowed", "refused", "message"),
    [
        (deep(15), deep(16), "An operation is at most 15 fields deep."),
        (
            "{ node { ...F } } fragment F on Node { ...G } fragment G on Node " + deep(14)[7:-2],
            "{ node { ...F } } fragment F on Node { ...G } fragment G on Node " + deep(16)[7:-2],
            "An operation is at most 15 fields deep.",
        ),
        (
            "{" + " ".join(f"a{i}: hello" for i in range(15)) + "}",
            "{" + " ".join(f"a{i}: hello" for i in range(16)) + "}",
            "An operation is at most 15 aliases wide.",
        ),
        (
            "{ node { ...F next { ...F } } } fragment F on Node {"
            + " ".join(f"a{i}: number" for i in range(7))
            + "}",
            "{ node { ...F next { ...F } } } fragment F on Node {"
            + " ".join(f"a{i}: number" for i in range(8))
            + "}",
            "An operation is at most 15 aliases wide.",
        ),
        (
            "{ hello " + "... @include(if: true) { hello }" * 19 + "}",
            "{ hello " + "... @include(if: true) { hello }" * 20 + "}",
            "An operation is at most 20 fields wide at its root.",
        ),
        (
            "{ node { number " + "... @include(if: true) { number }" * 50 + "} }",
            "{ node { number " + "... @include(if: true) { number }" * 51 + "} }",
            "An operation is at most 50 directives wide.",
        ),
        (
            "{ ...F0 }" + "".join(f" fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(98))
            + " fragment F98 on Query { hello }",
            "{ ...F0 }" + "".join(f" fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(99))
            + " fragment F99 on Query { hello }",
            "A document is at most 100 operations and fragments long.",
        ),
        (
            "{ echo(json: [" + "1 " * 1989 + "]) }",
            "{ echo(json: [" + "1 " * 1995 + "]) }",
            "Syntax Error: Document contains more than 2000 tokens. Parsing aborted.",
        ),
        (
            "{ echo(json: " + "[" * 62 + "]" * 62 + ") }",
            "{ echo(json: " + "[" * 63 + "]" * 63 + ") }",
            "Brackets nest at most 64 deep in a document.",
        ),
        (
            "{ hello }" + " " * 49_991,
            "{ hello }" + " " * 49_992,
            "A document has at most 50000 characters.",
        ),
    ],
    ids=["depth", "depth in fragments", "aliases", "aliases in fragments", "root fields", "directives",
         "definitions", "tokens", "brackets", "characters"],
)  # fmt: skip
def test_a_document_may_reach_a_limit_and_not_pass_it(allowed: str, refused: str, message: str) -> None:
    assert refusals(allowed) == []
    assert refusals(refused) == [message]


HOSTILE = {
    "10,000 levels": "{" + "a{" * 10_000 + "a" + "}" * 10_001,
    "10,000 brackets": "{ hello(name: " + "[" * 10_000 + "]" * 10_000 + ") }",
    "1,000 aliases": "{" + " ".join(f"a{i}: hello" for i in range(1_000)) + "}",
    "201 sign-ins": "mutation {" + " ".join(f"a{i}: note(text: 1)" for i in range(201)) + "}",
    "20 doublings": doubling(20),
    "30 doublings": doubling(30),
    "100 doublings": doubling(100),
    "1,000 doublings": doubling(1_000),
    "circular fragments": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "a megabyte": "{ hello " + " " * 1_000_000 + "}",
    "a string of a megabyte": '{ hello(name: "' + "x" * 1_000_000 + '") }',
    "160,000 tokens": "{" + " a" * 160_000 + "}",
    "comments": "{ hello " + "#\n" * 24_000 + "}",
    "an open block string": "{ hello(name: " + '"""' + '\\"""' * 12_000,
    "open strings": '"\n' * 24_000,
    "backslashes": '"' + "\\" * 49_000,
    "pairs of brackets": "{}" * 24_000,
    "the same leaf": "{ node {" + " number" * 1_980 + "} }",
    "the same object": "{ node {" + " next { number }" * 495 + "} }",
    "unknown fields": "{ node {" + " ".join(f"u{i}" for i in range(1_980)) + "} }",
    "unused variables": "query (" + " ".join(f"$v{i}: Int" for i in range(480)) + ") { hello }",
    "unknown arguments": "{ hello(" + " ".join(f"a{i}: 1" for i in range(600)) + ") }",
    "operations": " ".join(f"query Q{i} {{ hello }}" for i in range(390)),
    "directives": "{ hello " + "@skip(if: false) " * 280 + "}",
    "digits": "{ nodes(first: " + "1" * 40_000 + ") { number } }",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_document_is_refused_at_once(text: str) -> None:
    kept = documents(introspection=False)
    gc.collect()
    gc.disable()
    try:
        # The least of three: the machine has other work as well.
        spent = []
        for _ in range(3):
            begun = process_time()
            with pytest.raises(Rejected):
                kept.read(text)
            spent.append(process_time() - begun)
    finally:
        gc.enable()
    # 20 to 50 ms, of a machine that may be shared; without the limits it takes seconds, and grows without end.
    assert min(spent) < 0.25, f"{min(spent) * 1000:.0f} ms"


def test_the_size_of_fragments_is_measured_in_linear_time() -> None:
    def seconds(levels: int) -> float:
        document = parse(doubling(levels))
        begun = process_time()
        ((_, size),) = measure(document)
        spent = process_time() - begun
        assert (size.depth, size.aliases) == (2, 2**levels)
        return spent

    seconds(10)
    assert min(seconds(1_000) for _ in range(3)) < 0.25
    # 16 times as many levels: not 256 times as long.
    assert min(seconds(4_000) for _ in range(3)) < 64 * max(min(seconds(250) for _ in range(3)), 0.0005)


def test_a_document_10_000_levels_deep_is_measured_without_recursion() -> None:
    fragments = [f"fragment F{i} on Node {{ next {{ ...F{i + 1} }} }}" for i in range(10_000)]
    document = parse("{ node { ...F0 } } " + " ".join(fragments) + " fragment F10000 on Node { number }")
    ((_, size),) = measure(document)
    assert size.depth == 10_002


def test_graphiql_may_introspect() -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    assert refusals(query) == []


def test_introspection_is_bounded_as_well() -> None:
    def of_type(levels: int) -> str:
        return "{ __schema { types " + "{ ofType " * levels + "{ name }" + " }" * levels + " } }"

    assert refusals(of_type(18)) == []
    assert refusals(of_type(19)) == ["An operation is at most 20 fields of introspection deep."]
    spread = " fragment F on __Type " + "{ ofType " * 20 + "{ name }" + " }" * 20
    through_fragments = '{ __type(name: "Node") { ...F } }' + spread
    assert refusals(through_fragments) == ["An operation is at most 20 fields of introspection deep."]


def test_introspection_that_is_off_is_a_mistake_in_the_document() -> None:
    assert refusals("{ __schema { description } }", introspection=False) == [
        "GraphQL introspection has been disabled, but the requested query contained the field '__schema'."
    ]
    assert refusals("{ __typename }", introspection=False) == []


def test_names_are_suggested_only_where_the_schema_is_no_secret() -> None:
    text = "{ helo }"
    assert refusals(text) == ["Cannot query field 'helo' on type 'Query'. Did you mean 'hello'?"]
    assert refusals(text, introspection=False) == ["Cannot query field 'helo' on type 'Query'."]


@pytest.mark.parametrize("text", [r'{ hello(name: "\u0000") }', r'{ hello(name: "\u{00}") }', '{ hello(name: "\0") }'])
def test_a_document_holds_no_nul(text: str) -> None:
    assert refusals(text) == ["A document holds no NUL characters."]
    assert refusals(r'{ hello(name: "\\u0000") }') == []


def test_brackets_in_strings_and_comments_do_not_count() -> None:
    assert refusals('{ hello(name: "' + "{" * 100 + '") }') == []
    assert refusals('{ hello(name: """' + '{ \\""" " ' * 100 + '""") }') == []
    assert refusals("{ hello # " + "{" * 100 + "\n}") == []


def test_equal_limits_have_one_rule() -> None:
    assert within(Limits(depth=7)) is within(Limits(depth=7))
    assert within(Limits(depth=7)) is not within(Limits())
    assert comparing(Limits(depth=7)) is comparing(Limits(depth=7))


async def test_a_document_is_read_once_for_all_its_requests() -> None:
    async with serve() as served:
        for number in range(200):
            answer = await served.ask("query ($name: String!) { hello(name: $name) }", name=str(number))
            assert answer == answered({"hello": f"Hello, {number}!"})
        assert served.endpoint.means.documents.misses == 1


def test_only_valid_documents_are_kept_and_no_more_than_the_limit_says() -> None:
    kept = documents(Limits(cached_characters=100))
    kept.read("{ hello }")
    for number in range(100):
        with pytest.raises(Rejected):
            kept.read(f"{{ nothing{number} }}")
    kept.read("{ hello }")
    assert kept.misses == 101
    for number in range(10):
        kept.read(f"{{ h{number}: hello }}")
    kept.read("{ hello }")
    assert kept.misses == 112


def test_rules_that_the_schema_was_given_are_kept() -> None:
    """As AddValidationRules means it, though the validation is not Strawberry's."""
    shallow = within(Limits(depth=1))
    given = Schema(Query, Mutation, Subscription, extensions=[lambda: AddValidationRules([shallow])])
    kept = keeping(given, LIMITS, introspection=True)[1]
    kept.read("{ hello }")
    with pytest.raises(Rejected, match="at most 1 fields deep"):
        kept.read("{ node { number } }")
