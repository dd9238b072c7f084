"""Being in a book with others, in one process."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from gql.transport.exceptions import TransportQueryError
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from models import Session
from models.columns import now
from models.id import new_id
from resolvers.presence import house, room
from resolvers.presence.projection import Unshared
from resolvers.presence.pulse import BEAT
from schema.presence.people import _SHAPES
from schema.presence.watched import _COMPILED, Watched
from server.app import App
from storage.presence import State
from tests.client import REMOVE_MEMBER, SIGN_OUT, UPDATE_MEMBER, Client
from tests.people import People, somebody, uuid_of
from tests.presence.people import PRESENCE, Here, at, element, here, moved, statements, tab

pytestmark = pytest.mark.usefixtures("quick", "way")


async def refused(client: Client, book_id: str, client_id: str | None = None) -> str:
    async with client.follow(PRESENCE, bookId=book_id, clientId=client_id or tab()) as events:
        return await events.end()


async def refused_nobody(nobody: Client, book_id: str) -> str:
    """As a browser asks that has not signed in."""
    payload = {"query": PRESENCE, "variables": {"bookId": book_id, "clientId": tab()}}
    async with connect(
        nobody.url.replace("http://", "ws://") + "/graphql",
        origin=Origin(nobody.url),
        subprotocols=[Subprotocol("graphql-transport-ws")],
    ) as connection:
        await connection.send('{"type": "connection_init"}')
        await connection.recv()
        await connection.send(json.dumps({"id": "one", "type": "subscribe", "payload": payload}))
        told = json.loads(await asyncio.wait_for(connection.recv(), 5))
        assert told["type"] == "error"
        return str(told["payload"][0]["extensions"]["code"])


async def test_one_sees_who_is_there_who_comes_what_they_do_and_that_they_leave(people: People) -> None:
    before = await people.seq()
    async with here(people.owner, people.book_id) as olga:
        assert olga.first["present"] == [
            {
                "id": olga.id,
                "user": {"who": people.owner.user_id, "name": "Olga"},
                "role": "OWNER",
                "pageId": None,
                "cursor": None,
                "selection": [],
                "frames": [],
            }
        ]
        async with here(people.viewer, people.book_id) as vera:
            assert vera.present == {olga.id, vera.id}
            assert await olga.sees_somebody() == vera.id
            page, selected = f"pg_{tab()}", [element(), element()]
            assert (await vera.move(**at(1), pageId=page, selection=selected)).it == {"ok": True, "userErrors": []}
            seen = await olga.sees(1)
            assert (seen["user"]["name"], seen["role"], seen["pageId"]) == ("Vera", "VIEWER", page)
            assert seen["selection"] == selected
            # What is left out stays, and null clears it.
            await vera.move(**at(2), selection=None)
            seen = await olga.sees(2)
            assert (seen["pageId"], seen["selection"]) == (page, [])
            # The first that Vera hears is of somebody else: there is no echo.
            await olga.move(**at(3))
            assert (await vera.sees(3))["id"] == olga.id
        await olga.sees_leave(vera.id)
    assert await people.seq() == before


async def test_whoever_comes_back_in_time_is_the_same_and_nobody_saw_them_go(people: People) -> None:
    async with here(people.owner, people.book_id) as olga:
        client_id = tab()
        async with here(people.viewer, people.book_id, client_id) as vera:
            assert await olga.sees_somebody() == vera.id
            await vera.move(**at(1))
            await olga.sees(1)
        async with here(people.viewer, people.book_id, client_id) as again:
            assert again.id == vera.id
            [me] = [each for each in again.first["present"] if each["id"] == vera.id]
            assert me["cursor"] == {"x": 1.0, "y": 0.0}
            await again.move(**at(2))
            await olga.sees(2)
        await olga.sees_leave(vera.id)
        async with here(people.viewer, people.book_id, client_id) as later:
            assert later.id != vera.id
            assert await olga.sees_somebody() == later.id


async def test_a_tab_that_comes_back_before_its_old_connection_has_died_takes_its_place(people: People) -> None:
    async with here(people.owner, people.book_id) as olga, AsyncExitStack() as old:
        first = await old.enter_async_context(here(people.viewer, people.book_id))
        assert await olga.sees_somebody() == first.id
        async with here(people.viewer, people.book_id, first.client_id) as again:
            assert again.id == first.id
            # The old stream is over, and its end is nobody's leaving.
            await old.aclose()
            await again.move(**at(1))
            assert (await olga.sees(1))["id"] == first.id
        await olga.sees_leave(first.id)


async def test_the_client_id_of_another_session_or_person_is_worth_nothing(people: People, app: App) -> None:
    async with here(people.owner, people.book_id) as olga:
        for other in (people.editor, await another_session(app, people.owner)):
            async with here(other, people.book_id, olga.client_id) as forged:
                assert forged.id != olga.id
                assert await olga.sees_somebody() == forged.id
                await forged.move(**at(1))
                assert (await olga.sees(1))["id"] == forged.id
            await olga.sees_leave(forged.id)
        answer = await moved(people.viewer, people.book_id, olga.client_id, **at(2))
        assert (answer.code, answer.path) == ("NOT_FOUND", ["input", "clientId"])


async def another_session(app: App, of: Client) -> Client:
    user_id = UUID(uuid_of(of.user_id))
    session = Session(user_id=user_id, expires_at=now() + timedelta(days=1))
    async with app.parts.database.session.begin() as rows:
        rows.add(session)
    return replace(of, token=app.parts.tokens.issue(user_id, session.id, now())[0])


async def test_who_may_not_be_seen_there(people: People) -> None:
    assert await refused_nobody(people.nobody, people.book_id) == "UNAUTHENTICATED"
    assert await refused(people.stranger, people.book_id) == "NOT_FOUND"
    assert await refused(people.stranger, "bk_none") == "NOT_FOUND"
    assert await refused(people.owner, people.book_id, "no uuid") == "BAD_USER_INPUT"
    await people.sql("UPDATE books SET visibility = 'PUBLIC' WHERE id = $1", people.book_id[3:])
    assert await refused_nobody(people.nobody, people.book_id) == "UNAUTHENTICATED"
    assert await refused(people.stranger, people.book_id) == "FORBIDDEN"


@pytest.mark.parametrize("who", ["viewer", "contributor"])
async def test_who_cannot_edit_points_but_does_not_drag(people: People, who: str) -> None:
    frame = {"elementId": element(), "x": 1, "y": 2, "scaleX": 3}
    shown = {**dict.fromkeys(("width", "height", "scaleY", "angle")), "elementId": frame["elementId"]}
    async with (
        here(people.owner, people.book_id) as olga,
        here(getattr(people, who), people.book_id) as other,
        here(people.editor, people.book_id) as edda,
    ):
        assert {await olga.sees_somebody(), await olga.sees_somebody()} == {other.id, edda.id}
        answer = await other.move(**at(1), frames=[frame])
        assert answer.data == {
            "updatePresence": {"ok": False, "userErrors": [{"code": "FORBIDDEN", "path": ["input", "frames"]}]}
        }
        assert (await olga.sees(1))["frames"] == []
        assert (await edda.move(**at(2), frames=[frame])).it["ok"]
        assert (await olga.sees(2))["frames"] == [{**shown, "x": 1.0, "y": 2.0, "scaleX": 3.0}]


@pytest.fixture
def patient(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may come back has all the time of the test."""
    for module in (house, room):
        monkeypatch.setattr(module, "GRACE", 30.0)


@pytest.mark.usefixtures("patient")
async def test_one_who_signs_out_leaves_at_once(people: People) -> None:
    async with here(people.owner, people.book_id) as olga, here(people.editor, people.book_id) as edda:
        assert await olga.sees_somebody() == edda.id
        assert (await people.editor.ask(SIGN_OUT)).it
        assert await olga.events.next(patience=1) == {"__typename": "PresenceLeft", "id": edda.id}


@pytest.mark.usefixtures("patient")
async def test_one_who_is_removed_leaves_at_once_and_a_role_is_seen_as_it_becomes(people: People) -> None:
    async with here(people.owner, people.book_id) as olga, here(people.editor, people.book_id) as edda:
        await olga.sees_somebody()
        frame = {"elementId": element(), "x": 1, "y": 2}
        await edda.move(**at(1), frames=[frame])
        await olga.sees(1)
        given = {"bookId": people.book_id, "userId": people.editor.user_id}
        assert (await people.owner.ask(UPDATE_MEMBER, input={**given, "role": "VIEWER"})).it
        for one in (olga, edda):
            told = (await one.events.next(patience=1))["presence"]
            assert (told["id"], told["role"], told["frames"]) == (edda.id, "VIEWER", [])
        assert (await people.owner.ask(REMOVE_MEMBER, **given)).it["ok"]
        with pytest.raises(TransportQueryError, match="FORBIDDEN"):
            await edda.events.next(patience=1)
        told = await olga.events.next(patience=1)
        assert told == {"__typename": "PresenceLeft", "id": edda.id}
        assert (await edda.move(**at(2))).code == "NOT_FOUND"


async def test_what_is_no_place_is_refused_and_nothing_of_it_taken(people: People) -> None:
    async with here(people.owner, people.book_id) as olga, here(people.editor, people.book_id) as edda:
        assert await olga.sees_somebody() == edda.id

        async def wrong(**fields: Any) -> tuple[str | None, list[str]]:
            answer = await edda.move(**fields)
            return answer.code, answer.path

        frame = {"elementId": element(), "x": 0, "y": 0}
        assert await wrong(**at(1), pageId="page") == ("NOT_FOUND", ["input", "pageId"])
        assert await wrong(selection=[element(), "x"]) == ("NOT_FOUND", ["input", "selection", "1"])
        assert await wrong(selection=[element() for _ in range(501)]) == ("LIMIT_REACHED", ["input", "selection"])
        assert await wrong(frames=[frame] * 201) == ("LIMIT_REACHED", ["input", "frames"])
        # No variable in JSON is infinite, but a number in a document may be.
        frames = f'[{{elementId: "{element()}", x: 0, y: 0, scaleX: 1e400}}]'
        given = f'bookId: "{people.book_id}", clientId: "{edda.client_id}", frames: {frames}'
        answer = await people.editor.ask(
            f"mutation {{ updatePresence(input: {{{given}}}) {{ ok userErrors {{ code path }} }} }}"
        )
        assert (answer.code, answer.path) == ("INVALID", ["input", "frames", "0", "scaleX"])
        assert await wrong(frames=[{**frame, "elementId": "x"}]) == ("NOT_FOUND", ["input", "frames", "0", "elementId"])
        answer = await moved(people.editor, people.book_id, "no uuid", **at(1))
        assert (answer.code, answer.path) == ("INVALID", ["input", "clientId"])
        assert (await edda.move(selection=[element() for _ in range(500)], frames=[frame] * 200, **at(7))).it["ok"]
        seen = await olga.sees(7)
        assert (len(seen["selection"]), len(seen["frames"])) == (500, 200)


async def test_a_book_has_room_for_so_many(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "PRESENT_LIMIT", 2)
    async with here(people.owner, people.book_id) as olga:
        async with here(people.editor, people.book_id) as edda:
            assert await olga.sees_somebody() == edda.id
            assert await refused(people.viewer, people.book_id) == "LIMIT_REACHED"
            # Whoever is there may come back.
            async with here(people.editor, people.book_id, edda.client_id) as again:
                assert again.id == edda.id
        await olga.sees_leave(edda.id)
        async with here(people.viewer, people.book_id) as vera:
            assert await olga.sees_somebody() == vera.id


async def test_one_person_has_only_so_many_places(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "PLACES", 1)
    async with here(people.owner, people.book_id) as olga:
        assert await refused(people.owner, people.book_id) == "LIMIT_REACHED"
        # The same tab may come back, and others come.
        async with here(people.owner, people.book_id, olga.client_id) as again:
            assert again.id == olga.id
            async with here(people.editor, people.book_id) as edda:
                assert await again.sees_somebody() == edda.id


async def test_of_many_moves_some_are_passed_on_and_the_last_always(people: People) -> None:
    loop, count = asyncio.get_running_loop(), 200
    async with here(people.owner, people.book_id) as olga, here(people.editor, people.book_id) as edda:
        await olga.sees_somebody()
        began = loop.time()
        for number in range(1, count + 1):
            assert (await edda.move(**at(number))).it["ok"]
        seen = await olga.events.until(lambda told: told["presence"]["cursor"]["x"] == count)
        places = [told["presence"]["cursor"]["x"] for told in seen]
        assert places == sorted(places)
        assert len(seen) <= (loop.time() - began) / BEAT + 2


async def test_what_is_asked_of_people_is_planned_once_for_all_who_ask_it(people: People) -> None:
    async with here(people.owner, people.book_id):
        before = dict(_SHAPES), dict(_COMPILED)
        async with here(people.editor, people.book_id), here(people.viewer, people.book_id):
            assert any(before)
            assert (dict(_SHAPES), dict(_COMPILED)) == before


async def test_what_cannot_be_shared_goes_on_the_ordinary_way_unnoticed(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with here(people.owner, people.book_id) as olga:
        # Whoever is met from now on; of those who ask alike nobody can be told so any more.
        monkeypatch.setattr(Watched, "portraits", unshared)
        async with here(people.viewer, people.book_id) as vera:
            assert vera.present == {olga.id, vera.id}
            told = await olga.events.until(lambda told: vera.id in str(told))
            assert told[-1]["__typename"] in ("PresenceSnapshot", "PresenceUpdated")
            await vera.move(**at(1))
            told = await olga.events.until(lambda told: told["__typename"] == "PresenceUpdated")
            assert (told[-1]["presence"]["id"], told[-1]["presence"]["cursor"]) == (vera.id, {"x": 1.0, "y": 0.0})


async def test_who_does_not_belong_to_the_book_is_there_for_nobody(people: People, app: App) -> None:
    async with here(people.owner, people.book_id) as olga, here(people.editor, people.book_id) as edda:
        assert await olga.sees_somebody() == edda.id
        [there] = [own.room for own in app.parts.presences._own.values() if f"pr_{own.state.id}" == olga.id]
        there.put(State(new_id(), UUID(uuid_of(people.stranger.user_id)), "EDITOR", now()))
        await edda.move(**at(1))
        await olga.sees(1)
        async with here(people.viewer, people.book_id) as vera:
            assert vera.present == {olga.id, edda.id, vera.id}


async def unshared(*_: Any) -> Any:
    raise Unshared


async def test_where_the_transport_is_hidden_they_are_told_all_the_same(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.graphql.socket.outlet_of", lambda scope: None)
    async with here(people.owner, people.book_id) as olga, here(people.viewer, people.book_id) as vera:
        assert await olga.sees_somebody() == vera.id
        for x in (1, 2):
            await vera.move(**at(x))
            await olga.sees(x)


async def test_who_has_gone_leaves_nothing_behind(people: People, app: App) -> None:
    presences = app.parts.presences
    before = app.parts.announcements.counts.subscribers

    async def one(who: Client) -> Here:
        async with here(who, people.book_id) as there:
            return there

    await asyncio.gather(*(one(who) for who in (people.owner, people.editor, people.viewer)))
    async with asyncio.timeout(5):
        while presences._rooms or presences._own or app.parts.announcements.counts.subscribers > before:
            await asyncio.wait([*asyncio.all_tasks() - {asyncio.current_task()}], timeout=0.02)
    assert await somebody(app, people.nobody, "Nobody")


async def test_all_that_is_passed_on_at_once_is_one_write_and_no_statement(people: People, app: App) -> None:
    presences = app.parts.presences
    async with AsyncExitStack() as stack:
        olga = await stack.enter_async_context(here(people.owner, people.book_id))
        for person in (people.editor, people.contributor, people.viewer):
            await stack.enter_async_context(here(person, people.book_id))
            await olga.sees_somebody()
        others = [own for own in presences._own.values() if f"pr_{own.state.id}" != olga.id]
        assert len(others) == 3
        await presences.line.drain()
        before = presences.line.batches
        with statements(app) as sent:
            for number in range(1, 51):
                for own in others:
                    presences.pulse.change(own, {"cursor": (float(number), 0.0)})
            for _ in others:
                await olga.sees(50)
        # One may still look whether the last who came belongs there.
        assert len([each for each in sent if "members" in each or "users" in each]) <= 1
        # And one who is still there.
        assert presences.line.batches - before <= 2
