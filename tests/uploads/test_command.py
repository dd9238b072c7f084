"""The command that the explorer offers for an upload, run in a shell."""

import asyncio
import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest

from models.image import TICKET_LIFETIME
from server.preparation import objects_of
from server.settings import Settings
from storage.objects import Ticket
from tests.node import cannot
from tests.uploads.putting import photo

MODULE = Path(__file__).parents[2] / "clients/explorer/source/upload.js"
KEY = "quarantine/by-a-command"
#: What a shell and curl could each take for more than a name.
NAME = 'it\'s {a,b} [1-2] $(touch x) "é".jpg'
#: Seconds.
PATIENCE = 20


async def run(folder: Path, *command: str) -> str:
    piped = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=piped, stderr=piped)
    async with asyncio.timeout(PATIENCE):
        said, complaints = await running.communicate()
    assert running.returncode == 0, said + complaints
    return said.decode()


async def offered(folder: Path, ticket: dict[str, Any]) -> str:
    for program in ("node", "curl"):
        if shutil.which(program) is None:
            cannot(f"There is no {program}.")
    script = (
        f"import({json.dumps(MODULE.as_uri())}).then((made) => console.log(made.uploadCommand({json.dumps(ticket)})))"
    )
    return (await run(folder, "node", "--eval", script)).strip()


def answered(ticket: Ticket) -> dict[str, Any]:
    """As a client has it."""
    fields = [{"name": name, "value": value} for name, value in ticket.fields.items()]
    return {"method": ticket.method, "url": ticket.url, "fields": fields, "image": {"filename": NAME}}


@pytest.mark.parametrize("tickets", ["post", "put"])
async def test_it_puts_the_file(base: Settings, tmp_path: Path, tickets: Literal["post", "put"]) -> None:
    data = photo()
    (tmp_path / NAME).write_bytes(data)
    async with objects_of(base.model_copy(update={"s3_tickets": tickets})) as objects:
        ticket = objects.ticket(KEY, "image/jpeg", len(data), sha256(data).hexdigest(), TICKET_LIFETIME)
        try:
            await run(tmp_path, "sh", "-c", await offered(tmp_path, answered(ticket)))
            found = await objects.head(KEY)
            assert found and found.size == len(data)
        finally:
            await objects.delete([KEY])
    assert os.listdir(tmp_path) == [NAME]


async def test_there_is_none_where_there_is_nothing_to_upload(tmp_path: Path) -> None:
    assert await offered(tmp_path, {"duplicate": True, "url": None, "fields": None}) == "null"
