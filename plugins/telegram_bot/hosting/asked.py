"""The buttons of a message about somebody who asks to come: approve or decline."""

from ..people import name_of
from .people import STEPS
from .visits import Handlers, Visit


async def _asked(visit: Visit, answer: str, user_id: str) -> None:
    """Approves or declines somebody who still asks, and says so in the place of the message."""
    pending = (await visit.get("/participants", approved="false", expand="user"))["participants"]
    asking = next((each for each in pending if each["user_id"] == user_id), None)
    notice = visit.say("asked_settled")
    if asking is not None:
        step = STEPS[answer]
        made = await visit.call(step.method, f"/participants/{user_id}", step.body)
        is_waiting = answer == "ok" and made["status"] == "waitlisted"
        notice = visit.say("asked_waiting" if is_waiting else f"asked_{answer}", name=name_of(asking))
        pending.remove(asking)
    await visit.toast(notice)
    visit.is_asking = True  # the message is no screen of the menu: what the menu waits for, it waits for still
    rows = [[visit.named("approve", "list", "ok", 0, count=len(pending))]] if pending else []
    await visit.show(notice, [*rows, [visit.named("open", "menu")]])


ACTIONS: Handlers = {"asked": _asked}
