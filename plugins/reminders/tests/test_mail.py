"""Mail for users without Telegram, through a real SMTP server."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from email.message import EmailMessage

import pytest
from icalendar import Calendar

from eventorg.testing import Server, User
from tests.mailbox import TAKEN, Mailbox

from .scene import Scene, kinds, rfc3339

HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe"]
HEADERS += ["Content-Type", "MIME-Version"]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def eventorg_settings(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A server that hardly waits before it tries a mail server again that was away."""
    monkeypatch.setattr("eventorg.background.mail.PAUSE_SECONDS", 0.5)
    return {
        "EVENTORG_PLUGINS": "calendar_export,reminders",
        "EVENTORG_SMTP_URL": f"smtp://127.0.0.1:{mailbox.port}",
        "EVENTORG_SMTP_FROM": "Встречи <meetings@example.org>",
    }


def sign_up(server: Server, event_id: str, **profile: str) -> User:
    """Somebody with a verified email address and no Telegram account who comes to an event."""
    user = server.sign_up(**{"locale": "en"} | profile)
    server.verify_email(user)
    assert user.post(f"/events/{event_id}/register").status_code == 201
    return user


def after(scene: Scene, condition: Callable[[], object], minutes: float = 0) -> None:
    """Until something is so, while the clock moves on by so much (and ten seconds) at a time and the jobs run."""

    def moved_on() -> bool:
        scene.clock.advance(minutes=minutes)
        scene.settle()
        return bool(condition())

    scene.server.wait_for(moved_on)


def test_users_without_telegram_get_a_mail(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event(title="Чай, пирог", location="Арбат, 1")
    start = rfc3339(scene.clock.now + timedelta(hours=48))
    user = sign_up(scene.server, event_id, locale="ru", timezone="Europe/Moscow")
    on_telegram = scene.guest()
    scene.register(on_telegram, event_id)
    with mailbox.open():
        assert kinds(scene.told(hours=24)) == [("reminder", on_telegram.id)]
        after(scene, lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mailbox.recipients == [user.account["email"]] == [mail["To"]]
    assert mail["From"] == "Встречи <meetings@example.org>"
    assert mail["Subject"] == "⏰ Напоминание: Чай, пирог"
    assert mail["Message-ID"] == f"<reminder.{event_id}.{user.id}.PT24H.{start.replace(':', '.')}@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"]
    body, calendar = mail.iter_parts()
    assert (body.get_content_type(), body.get_content_charset()) == ("text/plain", "utf-8")
    assert body.get_content().splitlines() == [
        "⏰ Напоминание: Чай, пирог",
        "вс, 3 января 2027, 15:00 (Europe/Moscow)",
        "Арбат, 1",
        "",
        "-- ",
        "Вы получили это письмо, потому что участвуете в мероприятии. Чтобы больше не получать таких писем, ответьте "
        "на это письмо с темой «unsubscribe» или отключите напоминания.",
    ]
    assert mail["List-Unsubscribe"] == "<mailto:meetings@example.org?subject=unsubscribe>"
    assert (calendar.get_content_type(), calendar.get_filename()) == ("text/calendar", "event.ics")
    assert (calendar.get_content_charset(), calendar.get_param("method")) == ("utf-8", "PUBLISH")
    assert calendar.get_content_disposition() == "attachment"


def entry_of(content: bytes) -> dict[str, bytes]:
    """Returns the entry of a calendar as the library icalendar reads it, without the time when it was made."""
    (entry,) = Calendar.from_ical(content).walk("VEVENT")
    return {str(name): value.to_ical() for name, value in entry.items() if name != "DTSTAMP"}


@pytest.mark.parametrize("text", ["Чай, пирог; и\\nбублики", "\\; " * 40, "ы" * 100])
def test_a_reminder_carries_the_entry_that_the_file_of_the_event_has(scene: Scene, mailbox: Mailbox, text: str) -> None:
    event_id = scene.event(title=text.strip(), description=f"{text}\n\n{text}", location=text)
    scene.host.patch(f"/events/{event_id}", json={"capacity": 9, "title": "A"})
    scene.host.patch(f"/events/{event_id}", json={"title": text.strip()})
    sign_up(scene.server, event_id)
    with mailbox.open():
        scene.told(hours=24)
        after(scene, lambda: mailbox.mails)
    _, calendar = mailbox.mails[0].iter_parts()
    content = calendar.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert entry_of(content) == entry_of(scene.server.client.get(f"/events/{event_id}/event.ics").content)


def test_a_mail_to_somebody_without_a_seat_carries_no_entry(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event(scene.guest(), capacity=1)
    waiting = sign_up(scene.server, event_id)
    scene.settle()
    scene.host.patch(f"/events/{event_id}", json={"location": "Here"})
    with mailbox.open():
        after(scene, lambda: mailbox.to(waiting.account["email"]))
    assert {mail.get_content_type() for mail in mailbox.mails} == {"text/plain"}


def test_only_verified_addresses_get_mail(scene: Scene, mailbox: Mailbox) -> None:
    """A new address is unverified, and an address that is verified late gets what is still to come."""
    event_id = scene.event(hours=26)
    never, moved, late, verified = (sign_up(scene.server, event_id) for _ in range(4))
    for user in (never, moved, late):
        changed = user.patch("/users/me", json={"email": f"new-{user.account['email']}"})
        assert changed.json()["email_verified"] is False
        user.account = changed.json()
    with mailbox.open():
        scene.clock.advance(hours=2)
        after(scene, lambda: mailbox.mails)
        assert mailbox.recipients == [verified.account["email"]]
        scene.server.verify_email(late)
        scene.clock.advance(hours=23)
        after(scene, lambda: mailbox.to(late.account["email"]) and len(mailbox.to(verified.account["email"])) == 2)
        for _ in range(2):
            scene.settle()
    assert set(mailbox.recipients) == {late.account["email"], verified.account["email"]}


def test_each_mail_is_sent_once(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event()
    users = [sign_up(scene.server, event_id) for _ in range(3)]
    scene.clock.advance(hours=24)
    with mailbox.open():
        after(scene, lambda: len(mailbox.mails) >= 3)
        for _ in range(3):
            scene.settle()
    assert sorted(mailbox.recipients) == sorted(user.account["email"] for user in users)


def test_an_address_gets_twenty_mails_a_day_at_most(scene: Scene, mailbox: Mailbox) -> None:
    many = scene.server.sign_up(locale="en")
    scene.server.verify_email(many)
    for _ in range(22):
        assert many.post(f"/events/{scene.event()}/register").status_code == 201
    other = sign_up(scene.server, scene.event())
    scene.clock.advance(hours=24)
    with mailbox.open():
        after(scene, lambda: mailbox.to(other.account["email"]) and len(mailbox.mails) >= 21)
        for _ in range(2):
            scene.settle()
    assert len(mailbox.to(many.account["email"])) == 20


def test_no_mail_after_a_cancel_but_of_the_cancel(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event(title="Tea")
    sign_up(scene.server, event_id)
    scene.clock.advance(hours=24)
    scene.settle()  # the reminder waits, and nobody takes it
    assert scene.host.post(f"/events/{event_id}/cancel").is_success
    with mailbox.open():
        after(scene, lambda: mailbox.mails)
        scene.settle()
    assert [mail["Subject"] for mail in mailbox.mails] == ["❌ Cancelled: Tea"]


def test_a_mail_that_is_refused_for_now_comes_later(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event()
    sign_up(scene.server, event_id)
    seen: list[str] = []

    def answer(mail: EmailMessage) -> str:
        seen.append(mail["Message-ID"])
        return TAKEN if len(seen) == 3 else "451 later"

    mailbox.answer = answer
    scene.clock.advance(hours=24)
    with mailbox.open():
        after(scene, lambda: mailbox.mails)
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_a_mail_that_is_refused_for_good_is_given_up_and_holds_up_nobody(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event()
    first, second, third = (sign_up(scene.server, event_id) for _ in range(3))
    mailbox.refused[first.account["email"]] = "550 unknown"
    mailbox.refused[second.account["email"]] = "450 later"
    scene.clock.advance(hours=24)
    with mailbox.open():
        after(scene, lambda: mailbox.mails and len(mailbox.refusals) == 2)
        mailbox.refused.clear()
        after(scene, lambda: len(mailbox.mails) == 2)
        scene.clock.advance(hours=1)
        scene.settle()
    assert mailbox.recipients == [third.account["email"], second.account["email"]]


def test_a_mail_is_given_up_after_eight_attempts(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event()
    sign_up(scene.server, event_id)
    mailbox.answer = lambda _: "451 later"
    scene.clock.advance(hours=24)
    with mailbox.open():
        after(scene, lambda: mailbox.tries >= 8, minutes=15)
        for _ in range(3):
            scene.clock.advance(hours=2)
            scene.settle()
    assert mailbox.tries == 8


def test_mail_waits_for_a_server_that_is_away_and_nothing_else_does(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event()
    users = [sign_up(scene.server, event_id) for _ in range(2)]
    on_telegram = scene.guest()
    scene.register(on_telegram, event_id)
    assert kinds(scene.told(hours=24)) == [("reminder", on_telegram.id)]
    with mailbox.open():
        after(scene, lambda: len(mailbox.mails) == 2)
    assert sorted(mailbox.recipients) == sorted(user.account["email"] for user in users)


def test_a_server_that_never_answers_delays_nobody_else(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event()
    sign_up(scene.server, event_id)
    on_telegram = scene.guest()
    scene.register(on_telegram, event_id)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", mailbox.port)))
        listener.settimeout(10)
        scene.clock.advance(hours=24)
        scene.settle()
        scene.clock.advance(seconds=10)
        stack.enter_context(listener.accept()[0])  # the mail job hangs here
        assert kinds(scene.told()) == [("reminder", on_telegram.id)]
        assert kinds(scene.told(hours=23)) == [("reminder", on_telegram.id)]


def test_a_hostile_title_makes_no_header(scene: Scene, mailbox: Mailbox) -> None:
    title = "Tea =?utf-8?q?=0D=0ABcc=3A_x=40example=2Ecom?= <x@example.com>, " + "длинно " * 16
    event_id = scene.event(title=title)
    user = sign_up(scene.server, event_id)
    scene.clock.advance(hours=24)
    with mailbox.open():
        after(scene, lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mailbox.recipients == [user.account["email"]]
    assert mail["Subject"] == "⏰ Reminder: " + title.replace("=?", "= ?").strip()
    assert sorted(mail.keys()) == sorted(HEADERS)


def test_a_domain_of_another_alphabet_is_written_to(scene: Scene, mailbox: Mailbox) -> None:
    event_id = scene.event()
    sign_up(scene.server, event_id, email="anna@почта.рф")
    sign_up(scene.server, event_id, email="анна@example.com")  # this server knows no SMTPUTF8
    scene.clock.advance(hours=24)
    with mailbox.open():
        after(scene, lambda: mailbox.mails)
        scene.settle()
    assert mailbox.recipients == ["anna@xn--80a1acny.xn--p1ai"]
