"""What is kept of late stays within its bounds, each one's and that of all."""

import gc

from resolvers.live.kept import Budget, Kept


def test_the_oldest_go_when_one_keeps_too_much() -> None:
    budget = Budget()
    kept: Kept[str] = Kept(budget, most=10)
    for number in range(5):
        kept.add(number, f"{number}", 3)
    assert [kept.get(number) for number in range(5)] == [None, None, "2", "3", "4"]
    assert budget.size == 9


def test_what_is_larger_than_all_it_may_keep_is_not_kept() -> None:
    budget = Budget()
    kept: Kept[str] = Kept(budget, most=10)
    kept.add("small", "s", 4)
    kept.add("large", "l", 11)
    assert (kept.get("small"), kept.get("large"), budget.size) == (None, None, 0)


def test_a_key_is_kept_once() -> None:
    budget = Budget()
    kept: Kept[str] = Kept(budget)
    kept.add("key", "first", 4)
    kept.add("key", "second", 5)
    assert (kept.get("key"), budget.size) == ("first", 4)


def test_those_who_added_longest_ago_lose_theirs_when_all_keep_too_much() -> None:
    budget = Budget(most=10)
    quiet, lively, new = Kept[str](budget), Kept[str](budget), Kept[str](budget)
    lively.add("a", "a", 3)
    quiet.add("a", "a", 3)
    lively.add("b", "b", 3)
    # One more than there is room for; what is read does not count as added.
    quiet.get("a")
    new.add("a", "a", 3)
    assert (quiet.get("a"), lively.get("a"), lively.get("b"), new.get("a")) == (None, "a", "b", "a")
    assert budget.size == 9
    new.add("b", "b", 4)
    assert (lively.get("a"), new.get("a"), new.get("b"), budget.size) == (None, "a", "b", 7)


def test_what_was_cleared_counts_no_more() -> None:
    budget = Budget(most=10)
    kept, other = Kept[str](budget), Kept[str](budget)
    kept.add("a", "a", 6)
    kept.clear()
    kept.clear()
    assert (kept.get("a"), budget.size) == (None, 0)
    del kept
    gc.collect()
    other.add("a", "a", 10)
    assert (other.get("a"), budget.size) == ("a", 10)
