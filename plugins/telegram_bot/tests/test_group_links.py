"""`/new` in a group that lacks something: the dialog in private, whose card goes into the group."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ..group_links import PARAMETER, Group, link_to, read
from ..settings import Settings
from .scene import Scene, code_of, labels


def link_of(message: Any) -> str:
    """Returns the parameter of the link under a message."""
    [button] = message.buttons
    return str(button["url"].partition("?start=")[2])


def finish(scene: Scene, person: Any) -> Any:
    """Says when, skips the rest, and creates the event. Returns the last question."""
    person.say(None, "tomorrow 18:00")
    question = scene.wait(person.chat, "Is that the right time?")
    person.tap(question, "Yes")
    for words in ("How long", "Where is it?", "How many seats", "How many guests", "Who can see"):
        scene.shows(question, words)
        person.tap(question, "Skip")
    scene.shows(question, "Shall I create the event?")
    person.tap(question, "Create")
    return question


def test_the_card_goes_into_the_group_in_which_the_person_began(scene: Scene) -> None:
    boris, anna = scene.person("Борис", "ru", started=True), scene.person("Anna", started=True)
    group = scene.group(boris, anna, zone="Europe/Moscow")
    anna.say(group, "/new")
    answer = scene.wait(group, "Tell me what and when in one message")
    assert labels(answer) == ["✏️ Step by step, in private"]
    anna.start(link_of(answer))
    scene.wait(anna.chat, "What is the event called?")
    anna.say(None, "Tea")
    scene.wait(anna.chat, "When does it begin?")
    question = finish(scene, anna)
    assert "Shall I create the event? Its card goes into the group." in "".join(text for _, text in question.versions)
    scene.wait(anna.chat, "The card is in the group, too.")
    card = scene.card(group, "Tea")
    assert "сб, 2 января 2027, 18:00 – 20:00 (Europe/Moscow)" in card.text
    assert code_of(card) == code_of(scene.card(anna.chat, "Tea"))
    boris.tap(card, "Иду")
    scene.shows(card, "1. Борис")
    assert not [each for each in anna.chat.shown if "time zone" in each.text], "the group has one"


def test_what_the_person_has_said_is_not_asked_again(scene: Scene) -> None:
    anna, bob = scene.person("Anna", started=True), scene.person("Bob", started=True)
    group = scene.group(anna, bob, zone="Europe/Berlin")
    for said, answer in {
        "/new tomorrow 19:00": "What is the event called?",
        "/new 31 Nov 19:00": "This date does not exist.",
        "/new Cake yesterday 19:00": "That time is over.",
        "/new Tea": "When does it begin? For example:\n/new Tea tomorrow 19:00",
    }.items():
        anna.say(group, said)
        last = scene.wait(group, answer)
        assert labels(last) == ["✏️ Step by step, in private"]
    anna.start(link_of(last))
    assert scene.wait(anna.chat, "When does it begin?").text.startswith("📝 Tea\n\n")
    finish(scene, anna)
    scene.card(group, "Tea")
    bob.start(link_of(last))
    scene.wait(bob.chat, "What is the event called?")
    anna.say(None, "/new Juice")
    assert labels(scene.wait(anna.chat, "For example:\n/new Juice")) == []


def test_the_last_event_made_again_goes_into_the_group_too(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    group = scene.group(anna, zone="Europe/Berlin")
    anna.say(group, "/new Tea today 18:00")
    scene.card(group, "Tea")
    anna.say(group, "/new")
    anna.start(link_of(scene.wait(group, "Tell me what and when")))
    anna.tap(scene.wait(anna.chat, "What is the event called?"), "8 January")
    scene.wait(anna.chat, "The card is in the group, too.")
    assert "Fri, 8 January 2027, 18:00" in scene.card(group, "8 January").text


@pytest.mark.parametrize("who", ["person", "bot"])
def test_who_has_left_the_group_gets_the_event_in_private_only(scene: Scene, who: str) -> None:
    anna, bob = scene.person("Anna", started=True), scene.person("Bob", started=True)
    group = scene.group(anna, bob, zone="Europe/Berlin")
    bob.say(group, "/new Tea")
    bob.start(link_of(scene.wait(group, "When does it begin?")))
    scene.wait(bob.chat, "📝 Tea")
    if who == "person":
        group.remove(bob)
    else:
        group.remove_bot(anna)
    finish(scene, bob)
    scene.wait(bob.chat, "I could not post the card into the group")
    scene.card(bob.chat, "Tea")
    assert not [each for each in group.shown if each.sender["is_bot"] and each.text.startswith("Tea")]


def bot(token: str = "1:AAsecret") -> Any:
    def link(payload: str) -> str:
        return f"https://t.me/bot?start={payload}"

    return cast("Any", SimpleNamespace(settings=Settings(token=token), link=link))


@pytest.mark.parametrize("group", [Group(chat=-1001234567890123, thread=2**31), Group(chat=-5)])
def test_only_the_links_of_this_bot_lead_into_a_group(group: Group) -> None:
    payload = link_to(bot(), group).partition("?start=")[2]
    assert len(payload) <= 64
    given = payload.removeprefix(PARAMETER)
    assert read(bot(), given) == group
    assert read(bot("1:AAother"), given) is None
    for wrong in ("", "x", "-5", "-5_0", "-5_0_", "-5_x_0", given[:-1], given.replace("-", "-6"), given + "0"):
        assert read(bot(), wrong) is None


def test_a_link_that_somebody_made_up_begins_a_dialog_of_its_own(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    group = scene.group(anna)
    anna.start(f"new_{group.id}_0_0123456789abcdef")
    scene.wait(anna.chat, "What is the event called?")
    anna.say(None, "Tea")
    scene.wait(anna.chat, "When does it begin?")
    question = finish(scene, anna)
    scene.card(anna.chat, "Tea")
    assert "into the group" not in "".join(text for _, text in question.versions)
    assert not [each for each in group.shown if each.text.startswith("Tea")]
