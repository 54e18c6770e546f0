"""Ways to bring people in: links to the event, invitations, and links that make co-hosts."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from telegram import InlineKeyboardButton

from ..api import Problem
from ..people import Person
from ..router import Said
from ..screens import in_rows
from ..state import COHOST
from ..texts import say
from .menu import offer
from .visits import Handlers, Visit

COHOST_PARAMETER: Final = "h_"
"""What stands before the secret of a co-host's link in the parameter of `/start`."""
INVITATION_PARAMETER: Final = "i_"
_COHOST_DAYS: Final = 7
_SHOWN: Final = 8
_ROW: Final = 4


async def _share(visit: Visit, notice: str = "") -> None:
    """Shows the link to the event, and how else people can come."""
    bot, code = visit.bot, visit.event["code"]
    rows = [[InlineKeyboardButton(visit.say("to_group"), url=bot.link(code, "startgroup"))]]
    if bot.telegram.me.supports_inline_queries:
        rows.append([InlineKeyboardButton(visit.say("to_chat"), switch_inline_query=code)])
    rows += [
        [visit.named("invite_one", "invite", 1), visit.named("invite_all", "invite", 0)],
        [visit.named("invitations", "invitations")],
    ]
    if visit.event["role"] == "organizer":
        rows.append([visit.named("cohost", "cohost")])
    body = "\n\n".join(filter(None, (notice, visit.say("share_ask", link=bot.link(code)))))
    await visit.show(body, [*rows, visit.back()])


async def _invite(visit: Visit, uses: str) -> None:
    """Makes an invitation, for one person or for everybody."""
    made = await visit.call("POST", "/invitations", {"max_uses": int(uses)} if int(uses) else {})
    link = visit.bot.link(INVITATION_PARAMETER + made["code"])
    await _share(visit, visit.say("invited_one" if int(uses) else "invited_all", link=link))


async def _invitations(visit: Visit) -> None:
    """Shows the newest invitations, with a button that ends each."""
    found = (await visit.get("/invitations", limit=1000))["invitations"][-_SHOWN:]
    lines, buttons = [], []
    for number, each in enumerate(found, 1):
        link = visit.bot.link(INVITATION_PARAMETER + each["code"])
        used = f"{each['uses']}/{each['max_uses'] or '∞'}"
        lines.append(f"{number}. {link}\n{visit.say('used', used=used)}")
        buttons.append(visit.button(f"✖️ {number}", "revoke", each["id"]))
    body = "\n".join([visit.say("invitations_ask"), "", *lines]) if lines else visit.say("no_invitations")
    await visit.show(body, [*in_rows(buttons, _ROW), visit.back("share")])


async def _revoke(visit: Visit, invitation_id: str) -> None:
    await visit.call("DELETE", f"/invitations/{invitation_id}")
    await visit.toast(visit.say("revoked"))
    await _invitations(visit)


async def _cohost(visit: Visit) -> None:
    """Makes a link that makes one person a co-host."""
    secret = secrets.token_urlsafe(16)
    ends = visit.bot.clock() + timedelta(days=_COHOST_DAYS)
    values = {"event": visit.id, "by": visit.person.id, "ends": ends.isoformat(timespec="seconds")}
    await visit.bot.state.set(COHOST, _key(secret), values, await visit.bot.api.user_id(visit.person))
    await _share(visit, visit.say("cohost_link", link=visit.bot.link(COHOST_PARAMETER + secret)))


def _key(secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=16).hexdigest()


async def accept(said: Said, secret: str) -> None:
    """Makes whoever opens the link of an organizer a co-host, once."""
    bot, person, key = said.bot, said.person, _key(secret)
    kept = await bot.state.get(COHOST, key)
    if not kept or datetime.fromisoformat(kept["ends"]) <= bot.clock():
        await said.reply(say(person.language, "host.cohost_over"))
        return
    organizer, path = Person(id=int(kept["by"]), language=person.language), f"/events/{kept['event']}"
    try:
        event = await bot.api.get(path, organizer)
        if organizer.id != person.id:
            await bot.api.call("POST", f"{path}/hosts", organizer, json={"user_id": await bot.api.user_id(person)})
            event = await bot.api.get(path, person)
            await bot.state.set(COHOST, key, {})
    except Problem as problem:
        if problem.is_passing or problem.code == "blocked":
            raise
        await said.reply(say(person.language, "host.cohost_over"))  # deleted, or of somebody who organizes it no more
        return
    await said.reply(say(person.language, "host.cohost_added", title=event["title"]))
    await bot.cards.post(said.chat, event["id"], person.language, person)
    await offer(bot, person, event, f"telegram:{said.update_id}")


ACTIONS: Handlers = {
    "share": _share,
    "invite": _invite,
    "invitations": _invitations,
    "revoke": _revoke,
    "cohost": _cohost,
}
