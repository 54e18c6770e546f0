"""From `/start` to a full event, word for word, in both languages."""

import pytest

from .scene import Scene, code_of, labels, marked


def test_a_group_plays_football_in_russian(scene: Scene) -> None:
    anna, boris, vera = (scene.person(name, "ru") for name in ("Анна", "Борис", "Вера"))
    anna.start()
    assert scene.wait(anna.chat, "Здравствуйте").text == (
        "Здравствуйте, Анна! Я помогаю собираться: люди нажимают кнопку в чате, а я веду список.\n\n"
        "Создайте мероприятие:\n/new Футбол пт 19:00 2ч, 12 мест, Лужники\n\nПодробнее: /help"
    )
    group = scene.group(anna, boris, vera)
    anna.say(group, "/timezone Europe/Moscow")
    assert scene.wait(group, "Часовой пояс").text == "Часовой пояс этого чата: Europe/Moscow."
    anna.say(group, "/new Футбол сб 19:00 2ч, 3 места, Лужники")
    card = scene.card(group)
    assert card.text == ("Футбол\n\nсб, 2 января 2027, 19:00 – 21:00 (Europe/Moscow)\nЛужники\n\nЗанято 0 из 3 мест")
    assert labels(card) == ["✅ Иду", "+1", "🤔 Может быть", "❌ Не иду"]
    assert marked(card, "bold") == ["Футбол"]
    assert marked(card, "date_time") == ["сб, 2 января 2027, 19:00", "21:00"]

    assert anna.tap(card, "Иду")["text"] == "Вы идёте. Занято мест: 1 из 3."
    assert boris.tap(card, "+1")["text"] == (
        "Вы идёте, с вами 1 гость. Занято мест: 3 из 3.\nНажмите «Старт» в @eventorg_bot, чтобы я мог вам писать."
    )
    assert vera.tap(card, "Иду")["text"].startswith("Мест нет. Вы в очереди под номером 1.")
    text = scene.shows(card, "1. Анна", "2. Борис +1", "в списке")
    assert text.endswith("\n\nЗанято 3 из 3 мест, 1 в списке ожидания\n1. Анна\n2. Борис +1")
    assert marked(card, "text_mention") == ["Анна", "Борис"]  # what Telegram makes of a link to tg://user?id=…
    mentioned = [each["user"]["id"] for each in card.entities if each["type"] == "text_mention"]
    assert mentioned == [anna.id, boris.id]
    assert labels(card) == ["✅ Иду", "+1", "−1", "🤔 Может быть", "❌ Не иду"]

    assert boris.tap(card, "−1")["text"] == "Вы идёте. Занято мест: 3 из 3."
    scene.shows(card, "3. Вера")
    assert boris.tap(card, "Может быть")["text"] == "Может быть: место за вами не закреплено."
    assert anna.tap(card, "Не иду")["text"] == "Вы не идёте."
    assert scene.shows(card, "под вопросом", "1. Вера").endswith("\n\nЗанято 1 из 3 мест, 1 под вопросом\n1. Вера")


def test_a_group_plays_football_in_english(scene: Scene) -> None:
    anna, bob = scene.person("Anna", "en"), scene.person("Bob", "de")
    anna.start()
    assert scene.wait(anna.chat, "Hello").text == (
        "Hello, Anna! I organize events: people tap a button in a chat, and I keep the list.\n\n"
        "Create one:\n/new Football Fri 19:00 2h, 12 seats, Luzhniki\n\nMore: /help"
    )
    group = scene.group(anna, bob)
    anna.say(group, "/timezone Europe/Berlin")
    assert scene.wait(group, "time zone").text == "The time zone of this chat is Europe/Berlin."
    anna.say(group, "/new Football Sat 19:00 2h, 1 seat, Luzhniki")
    card = scene.card(group)
    assert card.text == ("Football\n\nSat, 2 January 2027, 19:00 – 21:00 (Europe/Berlin)\nLuzhniki\n\n0 of 1 seat")
    assert labels(card) == ["✅ Going", "+1", "🤔 Maybe", "❌ Not going"]
    assert anna.tap(card, "Going")["text"] == "You are going. Seats taken: 1 of 1."
    assert bob.tap(card, "Going")["text"] == (
        "The event is full. You are number 1 on the waiting list.\n"
        "Press Start in @eventorg_bot, so that I can write to you."
    )
    assert anna.tap(card, "Not going")["text"] == "You are not going."
    assert scene.shows(card, "1. Bob").endswith("\n\n1 of 1 seat\n1. Bob")


def test_a_link_shows_the_event_in_private_in_the_language_of_the_reader(scene: Scene) -> None:
    anna, boris = scene.person("Anna", "en"), scene.person("Борис", None)
    group = scene.group(anna, boris, zone="Europe/Berlin")
    anna.say(group, "/new Tea tomorrow 18:00")
    code = code_of(scene.card(group))
    boris.start(code)
    card = scene.card(boris.chat)
    assert "сб, 2 января 2027, 18:00 – 20:00 (Europe/Berlin)" in card.text
    assert boris.tap(card, "Иду")["text"] == "Вы идёте."
    scene.shows(scene.card(group), "1. Борис")
    scene.shows(card, "1. Борис")
    boris.start("unknown99")
    assert "Мероприятия с таким кодом нет" in scene.wait(boris.chat, "кодом").text


def test_the_bot_is_added_to_a_group_with_an_event(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    anna.say(None, "/new Tea tomorrow 18:00")
    code = code_of(scene.card(anna.chat))
    group = scene.telegram.group("Friends", anna, supergroup=True)
    group.add_bot(anna, payload=code)
    card = scene.card(group)
    assert anna.tap(card, "Going")["text"] == "You are going."
    scene.shows(card, "1. Anna")
    scene.shows(scene.card(anna.chat), "1. Anna")


def test_the_event_has_what_the_message_says(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    anna.say(None, "/new Tea tomorrow 18:00-19:30, 8 people, Bar 42")
    event = scene.acting(anna).get(f"/events/{code_of(scene.card(anna.chat))}").json()
    expected = {
        "title": "Tea",
        "start_time": "2027-01-02T17:00:00Z",
        "end_time": "2027-01-02T18:30:00Z",
        "timezone": "Europe/Berlin",
        "location": "Bar 42",
        "capacity": 8,
        "visibility": "unlisted",
        "max_guests": 5,
        "role": "organizer",
    }
    assert {field: event[field] for field in expected} == expected


def test_without_a_zone_the_event_is_made_and_the_bot_asks(scene: Scene) -> None:
    anna, boris = scene.person("Anna"), scene.person("Boris", "ru")
    group = scene.group(anna, boris)
    anna.say(group, "/new Tea tomorrow 18:00")
    card = scene.card(group)
    assert "Sat, 2 January 2027, 18:00 – 20:00 (UTC)" in card.text
    question = scene.wait(group, "do not know your time zone")
    refused = boris.tap(question, "Berlin")
    assert refused["show_alert"] is False  # the zone of the group is for everybody, the event is not moved
    assert anna.tap(question, "Berlin")["text"] == "The time zone of this chat is Europe/Berlin."
    scene.shows(card, "18:00 – 20:00 (Europe/Berlin)")
    scene.shows(question, "The time zone of this chat is Europe/Berlin.")
    anna.say(group, "/new Cake tomorrow 19:00")
    assert "(Europe/Berlin)" in scene.card(group, "Cake").text


@pytest.mark.parametrize("answer", ["command", "place"])
@pytest.mark.parametrize("is_private", [True, False])
def test_a_command_and_a_place_correct_the_event_as_the_button_does(
    scene: Scene, answer: str, is_private: bool
) -> None:
    anna = scene.person("Anna", started=True)
    group = None if is_private else scene.group(anna)
    chat = anna.chat if group is None else group
    anna.say(group, "/new Tea tomorrow 18:00")
    card = scene.card(chat, "Tea")
    question = scene.wait(chat, "do not know your time zone")
    if answer == "command":
        anna.say(group, "/timezone Europe/Moscow")
    elif group is None:
        anna.share_location(59.93, 30.31)
    else:
        anna.share_location(59.93, 30.31, group, reply_to=question)
    scene.wait(chat, "is Europe/Moscow.")
    scene.shows(card, "Sat, 2 January 2027, 18:00 – 20:00 (Europe/Moscow)")
    anna.say(group, "/timezone Europe/Berlin")
    scene.wait(chat, "is Europe/Berlin.")
    event = scene.acting(anna).get(f"/events/{code_of(card)}").json()
    assert event["timezone"] == "Europe/Moscow", "the question is answered"


def test_no_waiting_list(scene: Scene) -> None:
    anna = scene.person("Анна", "ru", started=True)
    anna.say(None, "/new Футбол завтра в 19.00-21.00, 10 игроков, без очереди")
    event = scene.acting(anna).get(f"/events/{code_of(scene.card(anna.chat, 'Футбол'))}").json()
    assert (event["capacity"], event["waitlist"], event["location"]) == (10, False, None)


def test_no_guests_no_button(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    anna.say(None, "/new Tea tomorrow 18:00, no guests")
    assert labels(scene.card(anna.chat)) == ["✅ Going", "🤔 Maybe", "❌ Not going"]


def test_what_is_missing_is_asked(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    for said, answer in {
        "/new": "say it all in one message",
        "/new Tea": "When does it begin? For example:\n/new Tea tomorrow 19:00",
        "/new tomorrow 19:00": "What is the event called?",
        "/new Tea today 1:00": "That time is over.",
        "/new Tea yesterday 19:00": "That time is over.",
        "/new Tea 31 Nov 19:00": "This date does not exist.",
        "/timezone Mars/Olympus": "I do not know the time zone “Mars/Olympus”",
    }.items():
        anna.say(None, said)
        scene.wait(anna.chat, answer)
    assert scene.health == "ok"
