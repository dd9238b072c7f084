"""Fractional indexes: there is always a key between two others, and a long run of changes keeps keys short."""

from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.order import FIRST, KEY_LENGTH, between, spread
from resolvers.operation.stack import Stack

PLACES = st.lists(st.integers(0, 10**6), max_size=300)


@given(PLACES)
def test_keys_put_anywhere_stand_where_they_were_put(places: list[int]) -> None:
    keys: list[str] = []
    for place in places:
        at = place % (len(keys) + 1)
        key = between(keys[at - 1] if at else None, keys[at] if at < len(keys) else None)
        keys.insert(at, key)
        assert key.isascii() and key[1:].isalnum() and not key[2:].endswith("0" * len(key))
    assert keys == sorted(set(keys))


@given(st.lists(st.booleans(), min_size=1, max_size=400))
def test_a_gap_that_is_halved_for_ever_never_runs_out(sides: list[bool]) -> None:
    low, high = "a0", "a1"
    for side in sides:
        key = between(low, high)
        assert low < key < high
        low, high = (key, high) if side else (low, key)


@given(st.integers(0, 200), st.data())
def test_spread_keys_rise_between_their_ends(count: int, data: st.DataObject) -> None:
    ends = [None, *spread(None, None, 5), None]
    low = data.draw(st.integers(0, 5))
    high = data.draw(st.integers(low + 1, 6))
    before, after = ends[low], ends[high]
    keys = spread(before, after, count)
    assert len(keys) == count
    assert all(one < other for one, other in pairwise([*filter(None, [before]), *keys, *filter(None, [after])]))
    assert all(len(key) <= 5 for key in keys)


def test_adding_at_either_end_costs_next_to_nothing() -> None:
    top = bottom = FIRST
    for _ in range(20_000):
        above, below = between(top, None), between(None, bottom)
        assert above > top and below < bottom
        top, bottom = above, below
    assert len(top) <= 4 and len(bottom) <= 4


def test_below_the_least_integer_there_is_still_room() -> None:
    least = "A" + "0" * 26
    key: str | None = least + "1"
    for _ in range(20):
        below = between(None, key)
        assert below < str(key)
        key = below
    assert str(key).startswith(least)


@pytest.mark.parametrize("pair", [("a1", "a1"), ("a2", "a1")])
def test_ends_out_of_order_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="does not sort before"):
        between(*pair)


@settings(deadline=None)
@given(st.integers(1, 40), PLACES)
def test_a_stack_orders_as_a_list_would(size: int, moves: list[int]) -> None:
    ids = [UUID(int=number) for number in range(size)]
    stack, expected, keys = Stack[UUID]([]), list[UUID](), dict[UUID, str]()
    for id in ids:
        keys[id] = stack.push(id)
        expected.append(id)
    for move in moves:
        id, index = ids[move % size], (move // size) % size
        here = expected.index(id)
        changed = stack.put(id, index)
        assert bool(changed) == (here != index)
        keys.update(changed)
        expected.remove(id)
        expected.insert(index, id)
        assert [stack.index(each) for each in expected] == list(range(size))
    assert sorted(ids, key=lambda id: (keys[id], id)) == expected


@pytest.mark.parametrize("others", [2, 50, 2_000])
def test_two_that_change_places_for_ever_keep_short_keys_and_seldom_touch_others(others: int) -> None:
    keys = dict(zip((uuid4() for _ in range(others)), spread(None, None, others), strict=True))
    stack = Stack((key, id) for id, key in keys.items())
    one = sorted(keys, key=lambda id: keys[id])[others // 2 - 1]
    here, touched = stack.index(one), 0
    for turn in range(5_000):
        changed = stack.put(one if turn % 2 else _at(keys, stack, here), here + 1)
        touched += len(changed)
        keys.update(changed)
        assert len(keys[one]) <= KEY_LENGTH
    assert sorted(keys, key=lambda id: (keys[id], id)) == sorted(keys, key=stack.index)
    assert touched < 5_000 * 1.1


def _at(keys: dict[UUID, str], stack: Stack[UUID], index: int) -> UUID:
    return next(id for id in keys if stack.index(id) == index)


def test_between_equal_keys_the_neighbours_get_new_ones() -> None:
    low, high, new = UUID(int=1), UUID(int=2), UUID(int=3)
    stack = Stack([("a0", low), ("a0", high)])
    keys = stack.put(new, 1)
    assert keys[low] < keys[new] < keys[high]


def test_a_whole_stack_of_equal_keys_can_be_moved_in() -> None:
    ids = [UUID(int=number) for number in range(100)]
    stack = Stack(("a0", id) for id in ids)
    keys = dict.fromkeys(ids, "a0") | stack.put(ids[10], 60)
    expected = [*ids[:10], *ids[11:61], ids[10], *ids[61:]]
    assert sorted(ids, key=lambda id: (keys[id], id)) == expected == sorted(ids, key=stack.index)
