"""`leporello user`: accounts, as whoever runs the house makes and ends them."""

import json
import sys
from typing import Annotated

import typer
from rich.text import Text

from models.columns import shown_moment
from models.id import outside
from models.user import Language
from server import users
from server.cli import running

commands = typer.Typer(help="Accounts: made, promoted, disabled, put out of their sessions.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="An address, or an id (us_...).")]


@commands.command()
def create(
    email: Annotated[str, typer.Argument(help="Counts as confirmed.")],
    name: Annotated[str, typer.Option(help="1 to 100 characters.")],
    language: Annotated[Language, typer.Option(help="Of mails.")] = Language.EN,
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the password, or read it from stdin.")] = False,
    data: running.Data = running.FOLDER,
) -> None:
    """Make an account. Its password is printed once, and changed at the first sign-in; or asked for."""
    password = _asked() if ask else None
    made = running.with_parts(lambda parts: users.create(parts, email, name, language, password), data)
    running.out.print(f"{made.email} is {made.id}.", soft_wrap=True)
    if made.password is not None:
        running.out.print(
            f"Password, to be changed at the first sign-in: {made.password}", markup=False, soft_wrap=True
        )


@commands.command()
def disable(who: Who, data: running.Data = running.FOLDER) -> None:
    """Let nobody in any more, by whatever way, and end all sessions at once."""
    ended = running.with_parts(lambda parts: users.disable(parts, who), data)
    running.out.print(f"Disabled; {_sessions(ended)} ended.")


@commands.command()
def enable(who: Who, data: running.Data = running.FOLDER) -> None:
    """Let a disabled account in again."""
    running.with_parts(lambda parts: users.enable(parts, who), data)
    running.out.print("Enabled.")


@commands.command()
def promote(who: Who, data: running.Data = running.FOLDER) -> None:
    """Make them an administrator, who may list accounts and disable them."""
    running.with_parts(lambda parts: users.promote(parts, who), data)
    running.out.print("An administrator from now on.")


@commands.command()
def demote(who: Who, data: running.Data = running.FOLDER) -> None:
    """Make them no administrator any more, be they the last one."""
    running.with_parts(lambda parts: users.demote(parts, who), data)
    running.out.print("No administrator any more.")


@commands.command()
def confirm(who: Who, data: running.Data = running.FOLDER) -> None:
    """Take it that the address is theirs, as if they had opened a link in their mail."""
    email = running.with_parts(lambda parts: users.confirm(parts, who), data)
    running.out.print(f"{email} is confirmed.", markup=False, soft_wrap=True)


@commands.command()
def sessions(
    who: Who,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    data: running.Data = running.FOLDER,
) -> None:
    """Show the sessions that have not ended, newest first."""
    found = running.with_parts(lambda parts: users.sessions(parts, who), data)
    rows = [
        {
            "id": outside("se", each.id),
            "device": each.device_name,
            "platform": each.device_platform,
            "ipAddress": each.ip_address,
            "userAgent": each.user_agent,
            "createdAt": shown_moment(each.created_at),
            "lastSeenAt": shown_moment(each.last_seen_at),
            "expiresAt": shown_moment(each.expires_at),
        }
        for each in found
    ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))  # noqa: T201
        return
    for row in rows:
        moments = f"began {row['createdAt']}, last seen {row['lastSeenAt']}, ends {row['expiresAt']}"
        whose = (row["id"], row["device"], row["platform"]), (moments,), (row["ipAddress"], row["userAgent"])
        lines = "\n    ".join(_plain(" ".join(filter(None, words))) for words in whose)
        # As Text: what is in there may look like markup, and is somebody else's. Never folded: ids are to be copied.
        running.out.print(Text(lines), soft_wrap=True)
    running.out.print(f"{_sessions(len(rows))}.")


@commands.command()
def revoke(
    who: Who,
    id: Annotated[str | None, typer.Argument(help="Of one session (se_...), as `sessions` shows it.")] = None,
    all: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    data: running.Data = running.FOLDER,
) -> None:
    """End one session at once, or all."""
    if (id is None) is not all:
        running.fail("Name one session, or say --all.")
    ended = running.with_parts(lambda parts: users.revoke(parts, who, id), data)
    running.out.print(f"{_sessions(ended)} ended.")


def _asked() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    # By a pipe, so that it is in no list of processes; as it is, but for the end of its line.
    return sys.stdin.readline().rstrip("\r\n")


def _sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count:,} sessions"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
