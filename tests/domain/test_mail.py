"""The URL of a mail server, and the addresses of mail."""

import pytest

from eventorg.domain.mail import MailServer, parse_sender, parse_server
from eventorg.errors import SettingError
from eventorg.settings import Settings, load


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 25, None, None, tls=False)),
        ("smtps://mail.example.org/", MailServer("mail.example.org", 465, None, None, tls=True)),
        ("smtp://a%40b:p%3A%2F@[::1]:2525", MailServer("::1", 2525, "a@b", "p:/", tls=False)),
    ],
)
def test_a_url_names_a_mail_server(url: str, server: MailServer) -> None:
    assert parse_server(url) == server


@pytest.mark.parametrize(
    "url",
    ["mail.example.org", "http://mail", "smtp:///x", "smtp://h:x", "smtp://h:99999", "smtp://h/x", "smtp://h?x=1"],
)
def test_what_names_none_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match="EVENTORG_SMTP_URL") as refused:
        Settings(smtp_url=url, smtp_from="a@example.org")
    assert url not in str(refused.value)  # it may hold a password


@pytest.mark.parametrize("sender", ["", "nobody", "a@example.org\nBcc: b@example.org", "A <>"])
def test_mail_needs_a_sender(sender: str) -> None:
    with pytest.raises(SettingError, match="EVENTORG_SMTP_FROM"):
        Settings(smtp_url="smtp://mail.example.org", smtp_from=sender)


def test_a_sender_has_a_name_or_none() -> None:
    assert str(parse_sender("Встречи <a@example.org>")) == "Встречи <a@example.org>"
    assert str(parse_sender("a@пример.рф")) == "a@xn--e1afmkfd.xn--p1ai"


def test_mail_without_its_extra_is_refused_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.settings.find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"EVENTORG_SMTP_URL.*pip install 'eventorg\[mail\]'"):
        Settings(smtp_url="smtp://mail.example.org", smtp_from="a@example.org")


def test_the_names_of_0_1_0_still_work_and_the_new_ones_win() -> None:
    old = {
        "EVENTORG_REMINDERS_SMTP_URL": "smtp://old.example.org",
        "EVENTORG_REMINDERS_SMTP_FROM": "old@example.org",
        "EVENTORG_REMINDERS_KEPT_DAYS": "7",
    }
    settings = load(old)
    assert (settings.smtp_url, settings.smtp_from) == ("smtp://old.example.org", "old@example.org")
    assert settings.deliveries_days == 7
    new = {"EVENTORG_SMTP_URL": "smtp://new.example.org"}
    assert load(old | new).smtp_url == load(new | old).smtp_url == "smtp://new.example.org"
    assert settings.others == {}
