"""The account: linking, unlinking, deleting, settings, the zone of a place."""

from typing import Any

import pytest

from ..zones import find
from .scene import Scene, code_of, labels


@pytest.fixture
def anna(scene: Scene) -> Any:
    return scene.person("Anna", started=True)


def identity_of(scene: Scene, person: Any) -> Any:
    """Returns what the server answers about the user of a Telegram account."""
    scene.acting(person)
    return scene._bot.get(f"/identities/telegram/{person.id}")


def test_a_code_links_an_account_without_losing_anything(scene: Scene, anna: Any) -> None:
    boris = scene.person("Борис", "ru", started=True)
    anna.say(None, "/new Tea tomorrow 18:00")
    card = scene.card(anna.chat)
    boris.start(code_of(card))
    boris.tap(scene.card(boris.chat), "Иду")
    owner = scene.server.sign_up(first_name="Boris", locale="ru")
    made = owner.create_event(title="Board games")
    boris.say(None, "/link")
    scene.wait(boris.chat, "Пришлите код")
    boris.say(None, "/link wrong123")
    scene.wait(boris.chat, "Код неизвестен")
    boris.say(None, f"/link {owner.post('/users/me/link-codes').json()['code']}")
    scene.wait(boris.chat, "теперь связан с учётной записью Boris.")
    assert identity_of(scene, boris).json()["id"] == owner.id
    found = owner.get("/users/me/events?limit=10").json()["events"]
    assert {each["title"] for each in found} == {"Tea", made["title"]}
    assert boris.tap(scene.card(boris.chat), "+1")["text"] == "Вы идёте, с вами 1 гость."
    scene.shows(card, "+1")


def test_a_code_for_a_place_gives_the_place(scene: Scene, anna: Any) -> None:
    boris = scene.person("Boris", started=True)
    anna.say(None, "/new Tea tomorrow 18:00")
    card = scene.card(anna.chat)
    host = scene.acting(anna)
    path = f"/events/{code_of(card)}/participants"
    added = host.post(path, json={"first_name": "Bob by name"}).json()
    code = host.post(f"{path}/{added['user_id']}/link-codes").json()["code"]
    boris.say(None, f"/link {code}")
    scene.wait(boris.chat, "the place is yours now")
    assert host.get(path).json()["participants"][0]["user_id"] == identity_of(scene, boris).json()["id"]


def test_logout_with_another_login(scene: Scene, anna: Any) -> None:
    owner = scene.server.sign_up(email="anna@example.com")
    anna.say(None, f"/link {owner.post('/users/me/link-codes').json()['code']}")
    scene.wait(anna.chat, "belongs to")
    anna.say(None, "/logout")
    question = scene.wait(anna.chat, "log in with anna@example.com")
    anna.tap(question, "Keep it")
    scene.shows(question, "nothing has changed")
    anna.say(None, "/logout")
    question = scene.wait(anna.chat, "log in with anna@example.com")
    anna.tap(question, "Unlink")
    scene.shows(question, "This Telegram account is unlinked.")
    assert identity_of(scene, anna).status_code == 404
    assert owner.get("/users/me").status_code == 200


def test_logout_without_another_login_says_what_would_be_lost(scene: Scene, anna: Any) -> None:
    for number in (1, 2):
        anna.say(None, f"/new Tea {number} tomorrow 18:00")
        card = scene.card(anna.chat, f"Tea {number}")
    anna.tap(card, "Going")
    anna.say(None, "/logout")
    warning = scene.wait(anna.chat, "You have no other login")
    assert "You would lose: 2 events that you host, 1 registration." in warning.text
    assert labels(warning) == ["🗑 Delete my account", "Keep it"]
    assert identity_of(scene, anna).status_code == 200


def test_delete_deletes_after_the_button_only(scene: Scene, anna: Any) -> None:
    boris = scene.person("Борис", "ru", started=True)
    boris.say(None, "/new Чай завтра 18:00")
    code = code_of(scene.card(boris.chat))
    boris.say(None, "/delete")
    question = scene.wait(boris.chat, "Вернуть её нельзя")
    assert "Вы потеряете: 1 ваше мероприятие." in question.text
    assert identity_of(scene, boris).status_code == 200
    boris.tap(question, "Удалить")
    scene.shows(question, "Учётная запись удалена")
    assert identity_of(scene, boris).status_code == 404
    assert scene.acting(anna).get(f"/events/{code}").status_code == 404
    boris.say(None, "/my")
    scene.wait(boris.chat, "Ближайших мероприятий у вас нет")
    assert scene.health == "ok"


def test_cards_of_deleted_events_say_so(scene: Scene, anna: Any) -> None:
    boris, olga = scene.person("Борис", "ru", started=True), scene.person("Olga", started=True)
    group = scene.group(boris, anna, olga)
    boris.say(group, "/new Чай завтра 18:00")
    gone = scene.card(group, "Чай")
    boris.say(group, "/new Пирог завтра 18:00")
    kept = scene.card(group, "Пирог")
    host, path = scene.acting(boris), f"/events/{code_of(kept)}"
    user_id = scene.acting(olga).get("/users/me").json()["id"]
    host.post(f"{path}/hosts", json={"user_id": user_id}).raise_for_status()
    scene.acting(olga).patch(path, json={"location": "Кафе"}).raise_for_status()
    anna.tap(gone, "Иду")
    boris.say(None, "/delete")
    question = scene.wait(boris.chat, "перейдут к нему; остальные удалятся.")
    boris.tap(question, "Удалить")
    assert scene.shows(gone, "Мероприятие удалено.") == "Чай\n❌ Мероприятие удалено."
    assert labels(gone) == []
    scene.server.clock.advance(seconds=15)
    news = scene.wait(anna.chat, "Deleted: Чай")
    assert labels(news) == []
    assert olga.tap(kept, "Иду")["text"] == "You are going."
    scene.shows(kept, "Olga")


def test_settings(scene: Scene, anna: Any) -> None:
    anna.say(None, "/settings")
    menu = scene.wait(anna.chat, "Language: English")
    assert menu.text == (
        "Language: English\nTime zone: UTC (you have not chosen one)\nReminders before an event: 1 day, 1 hour"
    )
    assert anna.tap(menu, "Only 1 hour")["text"] == "Saved."
    scene.shows(menu, "Reminders before an event: 1 hour")
    assert scene.acting(anna).get("/users/me/reminders").json() == [{"before": "PT1H"}]
    anna.tap(menu, "No reminders")
    scene.shows(menu, "Reminders before an event: none")
    anna.tap(menu, "As each event says")
    scene.shows(menu, "1 day, 1 hour")
    assert anna.tap(menu, "Русский")["text"] == "Сохранено."
    scene.shows(menu, "Язык: Русский", "Напоминания до мероприятия: 1 день, 1 час")
    assert scene.acting(anna).get("/users/me").json()["locale"] == "ru"
    anna.tap(menu, "Изменить часовой пояс")
    question = scene.wait(anna.chat, "геопозицию")
    assert anna.tap(question, "Самара")["text"] == "Ваш часовой пояс: Europe/Samara."
    anna.say(None, "/settings")
    scene.wait(anna.chat, "Часовой пояс: Europe/Samara")


def test_zones_have_names_in_both_languages(scene: Scene) -> None:
    assert {
        city: find(city) for city in ("Москва", "нью йорк", "Екатеринбург", "Berlin", "new york", "Прага", "Tokyo")
    } == {
        "Москва": "Europe/Moscow",
        "нью йорк": "America/New_York",
        "Екатеринбург": "Asia/Yekaterinburg",
        "Berlin": "Europe/Berlin",
        "new york": "America/New_York",
        "Прага": "Europe/Prague",
        "Tokyo": "Asia/Tokyo",
    }
    assert [find(text) for text in ("", "Нигде", "Mars/Olympus")] == [None, None, None]
    boris = scene.person("Борис", "ru", started=True)
    boris.say(None, "/timezone")
    assert labels(scene.wait(boris.chat, "геопозици"))[:3] == ["Калининград", "Москва", "Самара"]
    boris.say(None, "/timezone Москва")
    scene.wait(boris.chat, "Ваш часовой пояс: Europe/Moscow.")


def test_a_place_sets_the_zone(scene: Scene, anna: Any) -> None:
    anna.share_location(59.93, 30.31)
    scene.wait(anna.chat, "Your time zone is Europe/Moscow.")
    anna.share_location(30.0, -140.0)
    scene.wait(anna.chat, "I know no time zone of that place.")
    group = scene.group(anna)
    anna.say(group, "/timezone")
    question = scene.wait(group, "Choose")
    anna.share_location(52.52, 13.4, group)
    anna.share_location(40.71, -74.0, group, reply_to=question)
    scene.wait(group, "The time zone of this chat is America/New_York.")
    assert not [each for each in group.shown if "Berlin." in each.text]


def test_help_and_the_menu_list_every_command(scene: Scene, anna: Any) -> None:
    anna.say(None, "/help")
    text = scene.wait(anna.chat, "/logout").text
    commands = [each["command"] for each in next(iter(scene.telegram.profile.commands.values()))]
    assert commands == [line.split(" ")[0][1:] for line in text.split("\n") if line.startswith("/")]
    assert {"new", "my", "events", "calendar", "settings", "timezone", "link", "logout", "delete"} <= {*commands}
    assert "@eventorg_bot" in text
