"""One run from beginning to end: servers up, checked, measured, told, and gone."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import keep, machine, report, statement
from bench.big import big
from bench.check import check
from bench.install import install
from bench.measure import Measurement, Step
from bench.parts import parts
from bench.pgbench import Script
from bench.servers import PEERS, Leporello, Operation, Place, Server
from bench.stack import seeded

_KINDS: Final[dict[str, type[Server]]] = {kind.name.lower(): kind for kind in (Leporello, *PEERS)}
SERVERS: Final = tuple(_KINDS)


@dataclass(frozen=True)
class Asked:
    """What the command line chose."""

    questions: tuple[str, ...]
    servers: tuple[str, ...]
    rounds: int
    seconds: int
    big_answers: int
    keep: bool


async def whole(asked: Asked, out: Console) -> bool:
    """Whether all that was measured is valid. Raises Unfit, Differs and StackFailed."""
    await install(peers=asked.servers != (Leporello.name.lower(),))
    machine.stay_on_load_core()
    answers: list[report.Answer] = []
    with _progress(out) as progress:
        task = progress.add_task("starting", total=None)

        def step(what: str) -> None:
            progress.update(task, advance=1, description=what)

        async with seeded() as (place, database_pid):
            operations = [Operation(one) for one in asked.questions if one not in ("parts", "big")]
            if operations:
                answers += await _compared(asked, operations, place, database_pid, step)
            if "parts" in asked.questions:
                ours = Leporello()
                async with ours.serving(place):
                    answers.append(await parts(place, ours, rounds=asked.rounds, seconds=asked.seconds, step=step))
            if "big" in asked.questions:
                answers.append(await big(place, times=asked.big_answers, step=step))
    for answer in answers:
        answer.show(out)
    if asked.keep:
        await keep.append(answers, rounds=asked.rounds, seconds=asked.seconds)
    return all(answer.is_valid for answer in answers)


async def _compared(
    asked: Asked, operations: list[Operation], place: Place, database_pid: int, step: Step
) -> list[report.Answer]:
    servers = [_KINDS[name]() for name in asked.servers]
    async with AsyncExitStack() as stack:
        for server in servers:
            step(f"starting {server.name}")
            await stack.enter_async_context(server.serving(place))
        step("checking that all answer alike")
        await check(servers, operations, place)
        measurement = Measurement(servers, operations, place, database_pid)
        await measurement.warm_up(step)
        scripts, missing = _scripts(operations)
        for number in range(asked.rounds):
            await measurement.round(number, asked.seconds, scripts, step)
    return [*report.answers(measurement.samples, missing)]


def _scripts(operations: list[Operation]) -> tuple[dict[Operation, Script], str]:
    """What pgbench is given for each read, and why it is given nothing.

    About one book: Postgres plans a statement anew the first five times, and each book would be a statement.
    """
    scripts: dict[Operation, Script] = {}
    for operation in operations:
        if operation in (Operation.BOOK, Operation.BOOKS):
            body = Leporello().requests(operation)[0].body
            try:
                scripts[operation] = Script(*statement.statements(body["query"], body.get("variables", {})))
            except NotImplementedError as reason:
                return {}, f"No pgbench: {reason}"
    return scripts, ""


def _progress(out: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=out, transient=True)
