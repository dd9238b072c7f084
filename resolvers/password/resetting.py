"""A password set anew by whoever reads the address' mail."""

from models import Proof, Purpose, SecurityEventKind, User
from models.refusal import Expired, Invalid, Taken
from models.user import checked_email
from resolvers.address import holders, links
from resolvers.context import Context
from resolvers.mail import owed
from resolvers.password import setting
from resolvers.session import Device
from resolvers.sign_in import Outcome, begin, check_token


async def request(context: Context, email: str) -> None:
    """The same for every address, and for what is none: who has it is looked up when there is a mail to send."""
    try:
        address = checked_email(email)
    except Invalid:
        return
    async with context.work() as work:
        await owed.password_reset(work, address, context.ip_address)


async def reset(context: Context, token: str, new: str, device: Device | None) -> Outcome:
    """Ends all sessions, and confirms the address; whatever else a sign-in asks for is asked all the same.

    Raises Expired for a link that is no good any more, Invalid for the password, Forbidden for a disabled account.
    """
    await check_token(context)
    async with context.work() as work:
        try:
            link = await links.named(work, token, Purpose.RESET)
            user = await work.session.get_one(User, link.user_id)
        except Expired as over:
            raise Expired(over.message, "input", "token") from None
    hash = await context.parts.passwords.choose(new, (user.name, user.email), "input", "newPassword")
    async with context.work() as work:
        held, others = await holders.held(work, link.user_id, link.email)
        try:
            user = await links.use(work, link, held)
            await holders.confirm(context, work, user, link.email, others)
        except (Expired, Taken) as over:
            raise Expired(links.OVER, "input", "token") from over
        await setting.put(context, work, user, hash, SecurityEventKind.PASSWORD_RESET)
        return await begin(context, work, user, Proof.RESET, device, is_held=True)
