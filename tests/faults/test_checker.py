"""The checker, shown to find each thing that it is there to find, and nothing where there is nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.fold import fold
from tests.faults.ledger import Committed, Ledger, Sent, Sight, Stretch

BOOK = "bk_1"
LAST = 5


def state(x: int) -> dict[str, Any]:
    return {"title": "", "elements": {"el_1": {"id": "el_1", "x": x}}, "pages": {}}


def whole() -> Ledger:
    """Five mutations, all acknowledged, committed and seen; and one that was refused."""
    sent = {f"b{n}": Sent(BOOK, f"b{n}", 0.0, 1, 0.1, seq=n) for n in range(1, LAST + 1)}
    sent["refused"] = Sent(BOOK, "refused", 0.0, 1, 0.1, error="CONFLICT")
    return Ledger(
        sent=sent,
        committed={BOOK: [Committed(n, f"b{n}") for n in range(1, LAST + 1)]},
        heads={BOOK: LAST},
        epochs={BOOK: "e"},
        states={BOOK: state(LAST)},
        sights=[Sight("Vera", BOOK, [Stretch(1, "e", [2, 3, 4, 5])], state(LAST))],
    )


def seen(*seqs: int) -> Callable[[Ledger], None]:
    def plant(ledger: Ledger) -> None:
        ledger.sights[0].stretches[0].seen = list(seqs)

    return plant


def is_lost(ledger: Ledger) -> None:
    ledger.sent["b9"] = Sent(BOOK, "b9", 0.0, 1, 0.1, seq=LAST)


def is_renumbered(ledger: Ledger) -> None:
    ledger.sent["b3"].seq = 4


def has_a_hole(ledger: Ledger) -> None:
    del ledger.committed[BOOK][2], ledger.sent["b3"]


def ends_early(ledger: Ledger) -> None:
    ledger.committed[BOOK].pop()
    del ledger.sent["b5"]


def has_two_effects(ledger: Ledger) -> None:
    ledger.committed[BOOK][4] = Committed(5, "b4")
    del ledger.sent["b4"], ledger.sent["b5"]


def is_above_its_head(ledger: Ledger) -> None:
    ledger.committed[BOOK].append(Committed(LAST + 1))


def has_effect_though_refused(ledger: Ledger) -> None:
    ledger.sent["b3"] = Sent(BOOK, "b3", 0.0, 1, 0.1, error="UNAVAILABLE")


def is_unanswered(ledger: Ledger) -> None:
    ledger.sent["b9"] = Sent(BOOK, "b9", 0.0, 7)


def has_diverged(ledger: Ledger) -> None:
    ledger.sights[0].state = state(4)


def has_lost_an_element(ledger: Ledger) -> None:
    del ledger.sights[0].state["elements"]["el_1"]


def was_resynced(ledger: Ledger) -> None:
    ledger.sights[0].resyncs = 1


def is_in_an_old_epoch(ledger: Ledger) -> None:
    ledger.epochs[BOOK] = "f"


def never_began(ledger: Ledger) -> None:
    ledger.sights[0].stretches = []


PLANTED: dict[str, tuple[Callable[[Ledger], None], set[str]]] = {
    "a loss in the middle": (seen(2, 4, 5), {"loss"}),
    "a loss at the beginning": (seen(3, 4, 5), {"loss"}),
    "a loss at the end": (seen(2, 3, 4), {"loss"}),
    "nothing seen": (seen(), {"loss"}),
    "never begun": (never_began, {"loss"}),
    "a repeat": (seen(2, 3, 3, 4, 5), {"repeat"}),
    "a repeat of what the snapshot has": (seen(1, 2, 3, 4, 5), {"repeat"}),
    "a reorder": (seen(2, 4, 3, 5), {"loss", "reorder"}),
    "what was never committed": (seen(2, 3, 4, 5, 6), {"unknown", "loss"}),
    "a hole in the journal": (has_a_hole, {"hole", "unknown"}),
    "a journal that ends early": (ends_early, {"hole", "unknown"}),
    "a journal above its head": (is_above_its_head, {"journal"}),
    "an acknowledged batch that is not committed": (is_lost, {"lost"}),
    "an acknowledged batch under another seq": (is_renumbered, {"lost"}),
    "one batch, two effects": (has_two_effects, {"two effects"}),
    "a refused batch with an effect": (has_effect_though_refused, {"refused with effect"}),
    "a batch without an answer": (is_unanswered, {"unanswered"}),
    "a state that diverges": (has_diverged, {"diverged"}),
    "a state that lacks an element": (has_lost_an_element, {"diverged"}),
    "a snapshot that nobody should have needed": (was_resynced, {"resync"}),
    "an epoch that is over": (is_in_an_old_epoch, {"epoch"}),
}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert check(whole()) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_is_found_and_nothing_else(planted: str) -> None:
    ledger = whole()
    plant, kinds = PLANTED[planted]
    plant(ledger)
    assert {violation.kind for violation in check(ledger)} == kinds


def test_what_was_pruned_need_not_be_there() -> None:
    ledger = whole()
    del ledger.committed[BOOK][:2]
    assert {violation.kind for violation in check(ledger)} == {"hole", "lost", "unknown"}
    ledger.kept_from[BOOK] = 3
    assert check(ledger) == []


def test_who_was_sent_away_is_not_asked_for_the_end() -> None:
    ledger = whole()
    seen(2, 3)(ledger)
    ledger.sights[0].follows = False
    assert check(ledger) == []
    seen(2, 3, 3)(ledger)
    assert [violation.kind for violation in check(ledger)] == ["repeat"]


def test_a_page_goes_with_what_is_on_it() -> None:
    folded = {"title": "", "elements": {"el_1": {"id": "el_1", "pageId": "pg_1"}}, "pages": {"pg_1": {"id": "pg_1"}}}
    gone = {"elements": [], "pages": [], "deletedElementIds": [], "deletedPageIds": ["pg_1"]}
    fold(folded, {"__typename": "CanvasChanged", **gone})
    assert folded == {"title": "", "elements": {}, "pages": {}}


def test_placements_go_and_come_back_with_their_photos() -> None:
    one, two = ({"id": id, "pageId": "pg_1", "seq": 1} for id in ("el_1", "el_2"))
    folded = {"title": "", "elements": {"el_1": one, "el_2": two}, "pages": {"pg_1": {"id": "pg_1"}}}
    fold(folded, {"__typename": "ImagesChanged", "elements": [], "deletedElementIds": ["el_1"]})
    assert folded["elements"] == {"el_2": two}
    back = {**one, "seq": 3}
    fold(folded, {"__typename": "ImagesChanged", "elements": [back], "deletedElementIds": []})
    assert folded == {"title": "", "elements": {"el_1": back, "el_2": two}, "pages": {"pg_1": {"id": "pg_1"}}}
