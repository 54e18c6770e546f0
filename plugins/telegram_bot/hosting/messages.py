"""What a host tells everybody."""

from typing import Final

from .menu import show_menu
from .visits import Handlers, Visit

_GROUPS: Final = {"coming": ["registered", "waitlisted"], "all": ["registered", "waitlisted", "maybe"]}
_PREVIEW: Final = 3_000
"""The units of the message that are shown back."""


async def _ask(visit: Visit) -> None:
    await visit.ask("broadcast", visit.say("broadcast_ask"), [visit.back()])


async def _answer(visit: Visit) -> None:
    """Shows the message back, and asks to whom it goes."""
    assert visit.said
    text, event = visit.said.argument, visit.event
    if not text.strip():
        return await _ask(visit)
    coming = event["registered_count"] + event["waitlisted_count"] + event["pending_count"]
    rows = [[visit.named("broadcast_coming", "send", "coming", count=coming)]]
    if event["maybe_count"]:
        rows.append([visit.named("broadcast_all", "send", "all", count=coming + event["maybe_count"])])
    rows += [[visit.named("broadcast_again", "broadcast")], visit.back()]
    return await visit.ask("broadcast", visit.say("broadcast_confirm", text=text[:_PREVIEW]), rows, text=text)


async def _send(visit: Visit, group: str) -> None:
    text = visit.kept.get("text")
    if not text:  # sent already, or another question came between
        return await _ask(visit)
    await visit.call("POST", "/broadcasts", {"text": text, "to": _GROUPS[group]})
    await visit.toast(visit.say("broadcast_sent"))
    return await show_menu(visit, visit.say("broadcast_sent"))


ACTIONS: Handlers = {"broadcast": _ask, "send": _send}
ANSWERS: Handlers = {"broadcast": _answer}
