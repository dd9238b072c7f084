"""What is shown and kept: each rate of each server, and what the most was that it kept up with."""

from collections.abc import Iterable, Sequence
from typing import Final

from bench.live.ceiling import Ceiling
from bench.live.idle import Idle
from bench.live.ladder import Sample
from bench.live.servers import LiveYoga
from bench.report import Answer

#: By how much the load must be able to take more than the highest figure.
MARGIN: Final = 2.0
#: Of the core that the load shares with all but the server: from here on it is the load's limit that is measured.
_FULL: Final = 0.95
_FOREIGN: Final = 0.05
_RATES: Final = (
    *("server", "sockets", "events/s", "delivered/s", "p50 ms", "p95 ms", "p99 ms"),
    *("CPU us", "load core", "bytes", "MB", ""),
)


def rates(samples: Sequence[Sample]) -> Answer:
    rows = [
        [
            sample.server,
            f"{sample.sockets:,}",
            f"{sample.fed.answered / sample.seconds:,.0f}",
            f"{sample.delivered:,.0f}",
            *(f"{us / 1e3:,.1f}" for us in (sample.come.p50, sample.come.p95, sample.come.p99)),
            f"{sample.cpu:,.1f}",
            f"{sample.load_core:.0%}",
            f"{sample.come.bytes / max(sample.come.events, 1):,.0f}",
            f"{sample.resident / 2**20:,.0f}",
            _said(sample),
        ]
        for sample in samples
    ]
    foreign = [one.foreign for one in samples if one.foreign >= _FOREIGN]
    notes = (
        [f"In {len(foreign)} of {len(samples)} runs other programs took up to {max(foreign):.0%} of the two cores."]
        if foreign
        else []
    )
    return Answer("Fan-out: one book, rising rates", _RATES, rows, notes)


def most(samples: Sequence[Sample], ceilings: Sequence[Ceiling]) -> Answer:
    """The highest that each kept up with, beside Yoga's with as many sockets."""
    best: dict[tuple[str, int], Sample] = {}
    for one in samples:
        key = one.server, one.sockets
        if one.keeps_up and (key not in best or one.delivered > best[key].delivered):
            best[key] = one
    rows = []
    for server, sockets in dict.fromkeys((one.server, one.sockets) for one in samples):
        found, yoga = best.get((server, sockets)), best.get((LiveYoga.name, sockets))
        times = f"{found.delivered / yoga.delivered:.1f}" if found and yoga else ""
        figures = [f"{found.delivered:,.0f}", times, f"{found.cpu:,.1f}"] if found else ["none", "", ""]
        rows.append([server, f"{sockets:,}", *figures])
    heads = ("server", "sockets", "most delivered/s", "x Yoga's", "CPU us")
    return Answer("Fan-out: the most that each keeps up with", heads, rows, [*_bounds(best.values(), ceilings)])


def load(ceilings: Sequence[Ceiling]) -> Answer:
    rows = [
        [
            f"{one.merged} in a write",
            f"{one.sockets:,}",
            f"{one.delivered:,.0f}",
            f"{one.client_cpu:.2f}",
            f"{1e6 / max(one.client_cpu, 1e-3):,.0f}",
        ]
        for one in ceilings
    ]
    heads = ("frames", "sockets", "taken/s", "its CPU us", "a core takes/s")
    return Answer("The load's own ceiling: from a server that only sends", heads, rows)


def idle(found: Sequence[Idle]) -> Answer:
    rows = [
        [
            one.server,
            f"{one.sockets:,}",
            f"{one.opened_in:.1f}",
            f"{one.empty / 2**20:,.0f}",
            f"{one.full / 2**20:,.0f}",
            f"{(one.full - one.empty) / one.sockets / 2**10:,.1f}",
            f"{one.cpu:.1%}",
            f"{one.closed:,}",
        ]
        for one in found
    ]
    heads = ("server", "sockets", "opened in s", "MB before", "MB with", "KB each", "CPU", "closed")
    return Answer("Idle: subscribed, and nothing happens", heads, rows)


def _said(sample: Sample) -> str:
    come = sample.come
    counts = ((come.gaps, "missed"), (come.repeats, "twice"), (come.closed, "closed"), (come.unstamped, "unstamped"))
    words = [f"{number:,} {what}" for number, what in counts if number]
    if sample.fed.wrong:
        words.append(f"{sample.fed.wrong:,} refused: {sample.fed.fault}")
    if not sample.is_fed:
        words.append(f"no {sample.rate:g} edits/s")
    if not sample.keeps_up:
        words.insert(0, "too much")
    if come.fault:
        words.append(come.fault)
    return ", ".join(words)


def _bounds(best: Iterable[Sample], ceilings: Sequence[Ceiling]) -> Iterable[str]:
    """What is no more than a lower bound."""
    taken = max((one.delivered for one in ceilings), default=0)
    for one in best:
        name = f"{one.server} with {one.sockets:,} sockets"
        if not ceilings:
            continue
        if one.delivered * MARGIN > taken:
            yield f"{name}: a lower bound, the load was seen to take {taken:,.0f} a second."
        elif one.load_core >= _FULL:
            yield f"{name}: a lower bound, the core that the load shares had nothing left."
