"""Addresses confirmed by a link that was mailed to them, and changed so."""

from uuid import UUID

from models import Purpose, SecurityEventKind, User
from models.refusal import Conflict, Expired, Invalid, NotFound, Taken
from models.user import checked_email
from resolvers import attempts, security
from resolvers.address import clearing, holders, links
from resolvers.context import Context, Viewer
from resolvers.mail import owed
from resolvers.reauthentication import prove
from resolvers.work import Work


async def verify(context: Context, token: str) -> None:
    """Whoever sends it reads the address' mail: nobody is signed in by that.

    An account that had confirmed none, and whose user is not the one who sends it, may be of somebody else who waits
    for its address to be taken for their own: it keeps no key.
    Raises Expired for a link that is no good any more, Taken when somebody else has confirmed the address meanwhile.
    """
    async with context.work() as work:
        try:
            link = await links.named(work, token, Purpose.VERIFY, Purpose.CHANGE)
            held, others = await holders.held(work, link.user_id, link.email)
            user = await links.use(work, link, held)
            former, is_first = user.email, user.email_verified_at is None
            await holders.confirm(context, work, user, link.email, others)
            if is_first and not (isinstance(context.caller, Viewer) and context.caller.user_id == user.id):
                await clearing.clear(context, work, user)
        except Expired as over:
            raise Expired(over.message, "token") from None
        except Taken as taken:
            raise Taken(taken.message, "token") from None
        if link.purpose == Purpose.VERIFY or former == link.email:
            security.note(context, work, user.id, SecurityEventKind.EMAIL_VERIFIED)
            return
        # A reset that was mailed to the former address is dead by now, since it is about that.
        security.note(context, work, user.id, SecurityEventKind.EMAIL_CHANGED)
        await owed.notice(work, user, SecurityEventKind.EMAIL_CHANGED, to=former)


async def request(context: Context) -> None:
    """Mails the viewer another link; nothing where their address is confirmed. Raises Conflict for who has none."""
    viewer = context.viewer
    async with context.work() as work:
        user = await work.session.get_one(User, viewer.user_id)
        if user.email is None:
            raise Conflict("There is no address to confirm. Set one first.")
        if user.email_verified_at is None:
            await owed.verification(work, user, attempts.asker(context))


async def change(context: Context, password: str, new_email: str) -> None:
    """Nothing changes until the link is opened that goes to the new address; the one of now is told at once.

    Says nothing of whether somebody else has the new one: whoever reads its mail may know, and learns it from `verify`.
    Raises Invalid, Conflict for a guest, and what proving who it is raises.
    """
    address = checked_email(new_email, "input", "newEmail")
    proven = await prove(context, password, "input", "password")
    async with context.work() as work:
        user = await proven.user(work)
        if user.email == address and user.email_verified_at is not None:
            raise Invalid("This is the address that you have.", "input", "newEmail")
        await links.intend(work, user.id, address)
        await owed.email_change(work, user, address, attempts.asker(context))
        security.note(context, work, user.id, SecurityEventKind.EMAIL_CHANGE_REQUESTED)


async def read(context: Context, work: Work, user_id: UUID, email: str) -> None:
    """Confirms the user's address, where it is this one, by another mail that they show to have read.

    Comes before any other lock in its work but those of books. Raises NotFound when it is not theirs any more.
    """
    user, others = await holders.held(work, user_id, email)
    if user is None or user.email is None or any(each.email_verified_at is not None for each in others):
        raise NotFound
    if user.email_verified_at is None:
        await holders.confirm(context, work, user, user.email, others)
        security.note(context, work, user.id, SecurityEventKind.EMAIL_VERIFIED)
