"""Nothing lost: what the ledgers must agree in. A code of its own, that knows nothing of how they were filled."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.fold import differences
from tests.faults.ledger import Ledger, Sight, Stretch


@dataclass(frozen=True)
class Violation:
    """One thing that must not be, by its kind."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


def check(ledger: Ledger) -> list[Violation]:
    """All that is wrong; empty when nothing was lost."""
    found = [*_journals(ledger), *_answers(ledger)]
    for sight in ledger.sights:
        found += _sight(ledger, sight)
    return found


def _journals(ledger: Ledger) -> Iterator[Violation]:
    """Each is 1..max with no hole, or from where it was pruned, and max is the book's own seq."""
    for book, committed in ledger.committed.items():
        seqs = [each.seq for each in committed]
        first, head = ledger.kept_from.get(book, 1), ledger.heads[book]
        missing = sorted(set(range(first, head + 1)) - set(seqs))
        if missing:
            yield Violation("hole", f"the journal of {book} lacks {missing[:5]} of {first}..{head}")
        if any(seq > head for seq in seqs) or len(set(seqs)) != len(seqs):
            yield Violation("journal", f"{book} has more in its journal than its seq {head} says")
        for batch, times in Counter(each.batch for each in committed if each.batch).items():
            if times > 1:
                yield Violation("two effects", f"batch {batch} is {times} times in the journal of {book}")


def _answers(ledger: Ledger) -> Iterator[Violation]:
    """Acked is within committed; what was refused has no effect; what was lost was answered in the end."""
    seq_of = {(book, each.batch): each.seq for book, all_ in ledger.committed.items() for each in all_ if each.batch}
    for sent in ledger.sent.values():
        effect = seq_of.get((sent.book, sent.batch))
        if sent.seq is not None:
            pruned = sent.seq < ledger.kept_from.get(sent.book, 1)
            if effect is None and not pruned:
                yield Violation("lost", f"batch {sent.batch} was acknowledged as {sent.seq}, and is not in the journal")
            elif effect not in (None, sent.seq):
                yield Violation("lost", f"batch {sent.batch} was acknowledged as {sent.seq}, and is {effect}")
        elif sent.error is not None:
            if effect is not None:
                yield Violation("refused with effect", f"batch {sent.batch} was {sent.error}, and is seq {effect}")
        else:
            yield Violation("unanswered", f"batch {sent.batch} was sent {sent.attempts} times, and never answered")


def _sight(ledger: Ledger, sight: Sight) -> Iterator[Violation]:
    """Seen is exactly the committed range from where it began, rising; the state folded from it is the book's."""
    if sight.resyncs and not sight.may_resync:
        yield Violation("resync", f"{sight.name} had to read anew {sight.resyncs} times")
    for stretch in sight.stretches:
        yield from _stretch(ledger, sight, stretch)
    if not sight.follows:
        return
    head = ledger.heads[sight.book]
    last = sight.stretches[-1].last if sight.stretches else None
    if last != head:
        yield Violation("loss", f"{sight.name} has seen up to {last} of {head}")
    elif parted := differences(sight.state, ledger.states[sight.book]):
        yield Violation("diverged", f"{sight.name}: {'; '.join(parted)}")


def _stretch(ledger: Ledger, sight: Sight, stretch: Stretch) -> Iterator[Violation]:
    before, told = stretch.after, set[int]()
    for seq in stretch.seen:
        if seq in told or seq <= stretch.after:
            yield Violation("repeat", f"{sight.name} has seen {seq} again")
        elif seq < before:
            yield Violation("reorder", f"{sight.name} has seen {seq} after {before}")
        elif seq > before + 1:
            yield Violation("loss", f"{sight.name} has seen {seq} right after {before}")
        told.add(seq)
        before = max(before, seq)
    if stretch is not sight.stretches[-1]:
        return  # whose epoch may be over, and its numbers with it
    if stretch.epoch != ledger.epochs[sight.book]:
        yield Violation("epoch", f"{sight.name} goes on in an epoch that is over")
    pruned = set(range(ledger.kept_from.get(sight.book, 1)))
    unknown = told - pruned - {each.seq for each in ledger.committed[sight.book]}
    if unknown:
        yield Violation("unknown", f"{sight.name} has seen {sorted(unknown)[:5]}, which were never committed")
