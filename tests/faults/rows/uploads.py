"""Uploads killed on their way: nothing is orphaned, and nothing is seen that was not verified."""

from uuid import uuid4

from server.preparation import objects_of
from tests.faults.play import Play
from tests.faults.row import row
from tests.uploads.aftermath import kill
from tests.uploads.killing import POINTS


@row("S57", "the API, the client or the worker is killed in the midst of an upload, 221 times", limit=1_200)
async def uploads(play: Play) -> None:
    # Of each point as many.
    kills = len(POINTS) * play.scale.times(17)
    settings = play.rooms.settings.model_copy(update={"s3_bucket": f"kills-{uuid4().hex}"})
    async with objects_of(settings) as objects:
        await objects.prepare(["*"])
        after = await kill(settings, play.sql, kills=kills, seed=play.random.randrange(2**16))
        await objects.delete([found.key async for found in objects.list("")])
    for fault in after.faults:
        play.require(False, fault)
    play.require(after.ready == kills, f"{after.ready} of {kills} photos are READY in the end")
    play.show("as it stood when the worker was back", ", ".join(f"{n} {name}" for name, n in after.stood.items()))
    play.show("swept", after.swept)
    play.show("ready in the end", after.ready)
