"""The settings: what they mean, what is refused, and that the README tells of each."""

from pathlib import Path
from typing import get_args

import pytest

from ..outbox import Kind, Result
from ..settings import MailServer, Settings, parse_sender, parse_server

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_readme_tells_of_every_setting_kind_and_result() -> None:
    for name in Settings.__struct_fields__:
        assert f"| `EVENTORG_REMINDERS_{name.upper()}` |" in README
    for word in get_args(Kind):
        assert f"`{word}`" in README
    for word in get_args(Result):
        assert f'{{"result": "{word}"' in README


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
    with pytest.raises(ValueError, match=r"at `\$\.smtp_url`") as refused:
        Settings(smtp_url=url, smtp_from="a@example.org")
    assert url not in str(refused.value)  # it may hold a password


@pytest.mark.parametrize("sender", ["", "nobody", "a@example.org\nBcc: b@example.org", "A <>"])
def test_mail_needs_a_sender(sender: str) -> None:
    with pytest.raises(ValueError, match=r"at `\$\.smtp_from`"):
        Settings(smtp_url="smtp://mail.example.org", smtp_from=sender)


def test_a_sender_has_a_name_or_none() -> None:
    assert str(parse_sender("Встречи <a@example.org>")) == "Встречи <a@example.org>"
    assert str(parse_sender("a@пример.рф")) == "a@xn--e1afmkfd.xn--p1ai"


def test_mail_without_its_extra_is_refused_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{Settings.__module__}.find_spec", lambda _: None)
    assert not Settings().sends_mail
    with pytest.raises(ValueError, match=r"pip install 'eventorg\[mail\]' - at `\$\.smtp_url`$"):
        Settings(smtp_url="smtp://mail.example.org", smtp_from="a@example.org")
