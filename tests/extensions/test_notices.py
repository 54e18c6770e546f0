"""Messages of plugins: told at least once, in turns, and only while they are true."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from eventorg.testing import Bot, Server, User, check_problem, running
from eventorg.web.bodies import MAX_BATCH_BYTES
from tests import telegram
from tests.extensions.plugin_files import settings_of

PLUGIN = """
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from eventorg.plugin import Authenticated, Context, Plugin


class New(Struct):
    user_id: str
    key: str
    text: str = "Hello"
    kind: str = "note"
    event_id: str | None = None
    due_at: str | None = None
    expires_at: str | None = None
    replace: bool = False


@post("/NAME/notify")
async def notify(request: Authenticated, data: JSONBody[list[New]], plugin: NamedDependency[Context]) -> list[bool]:
    def work(tx):
        return [
            plugin.notify(
                tx,
                one.user_id,
                kind=one.kind,
                dedupe_key=one.key,
                texts={"en": one.text, "ru": one.text.upper()},
                event_id=one.event_id,
                due_at=one.due_at,
                expires_at=one.expires_at,
                replace=one.replace,
            )
            for one in data
        ]

    return await plugin.write(work)


@post("/NAME/cancel")
async def cancel(request: Authenticated, data: JSONBody[list[str]], plugin: NamedDependency[Context]) -> int:
    return await plugin.write(lambda tx: plugin.cancel_notices(tx, data))


merged = []


def on_merge(gone_id, stays_id, context, tx):
    assert plugin_context_knows(context, tx, gone_id)
    assert plugin_context_knows(context, tx, stays_id)
    merged.append((gone_id, stays_id))


def plugin_context_knows(context, tx, user_id):
    return context.load_user(tx, user_id).id == user_id


def refresh(notice, context, tx):
    match notice.kind:
        case "obsolete":
            return None
        case "broken":
            raise RuntimeError("spilt")
        case "fresh":
            return {"en": f"{notice.dedupe_key} as of {tx.now}"}
    return {"en": "Hello", "ru": "HELLO"}


plugin = Plugin(name="NAME", routes=[notify, cancel], on_merge=on_merge, refresh=REFRESH)
"""
Told = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with a plugin that only notifies, and one that refreshes its notices."""
    files = {
        "letters.py": PLUGIN.replace("NAME", "letters").replace("REFRESH", "None"),
        "news.py": PLUGIN.replace("NAME", "news").replace("REFRESH", "refresh"),
    }
    with running(settings_of(tmp_path, files, log_level="critical")) as server:
        yield server


@pytest.fixture
def bot(server: Server) -> Bot:
    return server.make_bot("act", "deliver")


def guest(bot: Bot, locale: str = "en") -> User:
    """Somebody with a Telegram account."""
    telegram_id = telegram.new_id()
    made = bot.put(f"/identities/telegram/{telegram_id}", json={"locale": locale})
    user = bot.acting_for(made.json()["id"])
    user.account = made.json() | {"telegram_id": telegram_id}
    return user


def notify(by: User, *notices: Told, plugin: str = "letters") -> list[bool]:
    response = by.post(f"/{plugin}/notify", json=list(notices))
    assert response.status_code == 201, response.text
    made: list[bool] = response.json()
    return made


def lease(bot: Bot, **wish: Any) -> list[Told]:
    response = bot.post("/deliveries/lease", json={"limit": 100} | wish)
    assert response.status_code == 200, response.text
    found: list[Told] = response.json()["deliveries"]
    return found


def texts(told: list[Told]) -> list[str]:
    return [one["text"] for one in told]


def test_a_notice_is_told_once_for_a_key_with_the_plugins_name(server: Server, bot: Bot) -> None:
    user = guest(bot)
    assert notify(user, {"user_id": user.id, "key": "k"}, {"user_id": user.id, "key": "k"}) == [True, False]
    assert notify(user, {"user_id": user.id, "key": "k"}, plugin="news") == [True]
    told = lease(bot)
    assert sorted((one["kind"], one["dedupe_key"]) for one in told) == [
        ("letters.note", "letters:k"),
        ("news.note", "news:k"),
    ]
    assert told[0]["event_id"] is None
    assert notify(user, {"user_id": "nobody", "key": "x"}) == [False]


def test_the_text_is_in_the_users_language(bot: Bot) -> None:
    english, russian = guest(bot), guest(bot, "ru-RU")
    german = guest(bot, "de")
    for user in (english, russian, german):
        notify(user, {"user_id": user.id, "key": user.id})
    assert {one["user_id"]: one["text"] for one in lease(bot)} == {
        english.id: "Hello", russian.id: "HELLO", german.id: "HELLO"
    }  # fmt: skip


def test_a_notice_is_told_from_its_time_until_it_expires(server: Server, bot: Bot) -> None:
    user = guest(bot)
    notify(
        user, {"user_id": user.id, "key": "k", "due_at": "2027-01-01T13:00:00Z", "expires_at": "2027-01-01T14:00:00Z"}
    )
    server.clock.advance(minutes=59, seconds=59)
    assert lease(bot) == []
    server.clock.advance(seconds=1)
    assert len(lease(bot, lease_seconds=1)) == 1
    server.clock.advance(hours=1)
    assert lease(bot) == []


def test_a_cancelled_notice_is_not_told_and_its_key_is_free(bot: Bot) -> None:
    user = guest(bot)
    notify(user, {"user_id": user.id, "key": "k"}, {"user_id": user.id, "key": "l"})
    assert user.post("/letters/cancel", json=["k", "unknown"]).json() == 1
    assert user.post("/news/cancel", json=["l"]).json() == 0
    assert [one["dedupe_key"] for one in lease(bot)] == ["letters:l"]
    assert user.post("/letters/cancel", json=["l"]).json() == 0
    assert notify(user, {"user_id": user.id, "key": "k"}) == [True]


def test_a_notice_replaces_older_ones_of_its_kind(server: Server, bot: Bot) -> None:
    user = guest(bot)
    event_id = user.create_event()["id"]
    same = {"user_id": user.id, "event_id": event_id, "replace": True}
    notify(user, same | {"key": "1", "text": "first"})
    held = lease(bot, lease_seconds=60)
    for number in "234":
        notify(user, same | {"key": number, "text": number})
    assert texts(lease(bot)) == ["4"]
    server.clock.advance(seconds=61)
    assert texts(lease(bot)) == ["4"]
    assert bot.post(f"/deliveries/{held[0]['id']}/ack", json={"result": "sent"}).status_code == 200


def test_an_obsolete_notice_is_left_out_and_others_are_told_as_of_now(server: Server, bot: Bot) -> None:
    user = guest(bot)
    kinds = ("obsolete", "fresh", "broken")
    notify(user, *({"user_id": user.id, "key": kind, "kind": kind} for kind in kinds), plugin="news")
    server.clock.advance(minutes=5)
    assert texts(lease(bot, lease_seconds=3600)) == ["fresh as of 2027-01-01T12:05:00Z"]
    server.clock.advance(minutes=5)
    assert lease(bot) == []
    states = {one["kind"]: one["state"] for one in user.get("/users/me/export").json()["deliveries"]}
    assert states == {"news.obsolete": "void", "news.fresh": "leased", "news.broken": "retry"}


def test_many_obsolete_notices_do_not_hide_one_that_is_true(bot: Bot) -> None:
    user = guest(bot)
    obsolete = [{"user_id": user.id, "key": f"{number}", "kind": "obsolete"} for number in range(12)]
    notify(user, *obsolete, {"user_id": user.id, "key": "k", "kind": "fresh"}, plugin="news")
    assert len(lease(bot, limit=2)) == 1


def test_many_notices_of_one_plugin_do_not_delay_another(bot: Bot) -> None:
    user = guest(bot)
    notify(user, *({"user_id": user.id, "key": str(number)} for number in range(300)))
    notify(user, {"user_id": user.id, "key": "k"}, plugin="news")
    assert "news:k" in {one["dedupe_key"] for one in lease(bot, limit=2)}
    notify(user, *({"user_id": user.id, "key": f"k{number}"} for number in range(3)), plugin="news")
    singles = [lease(bot, limit=1)[0]["kind"] for _ in range(6)]
    assert singles.count("news.note") == 3


def test_an_event_that_is_deleted_voids_its_notices(bot: Bot) -> None:
    user = guest(bot)
    event_id = user.create_event()["id"]
    notify(user, {"user_id": user.id, "key": "held", "event_id": event_id})
    (held,) = lease(bot)
    notify(user, {"user_id": user.id, "key": "waiting", "event_id": event_id})
    assert user.delete(f"/events/{event_id}").is_success
    assert lease(bot) == []
    check_problem(bot.post(f"/deliveries/{held['id']}/ack", json={"result": "sent"}), 404, "delivery_not_found")
    notify(user, {"user_id": user.id, "key": "after", "event_id": event_id})
    assert [one["event_id"] for one in lease(bot)] == [event_id]


def test_notices_of_one_second_are_leased_in_the_order_they_were_made(bot: Bot) -> None:
    user = guest(bot)
    keys = ["c", "a", "d", "b"]
    notify(user, *({"user_id": user.id, "key": key} for key in keys))
    assert [one["dedupe_key"] for one in lease(bot)] == [f"letters:{key}" for key in keys]


def test_texts_have_a_length(bot: Bot) -> None:
    user = guest(bot)
    assert notify(user, {"user_id": user.id, "key": "k", "text": "🎈" * 2048}) == [True]
    for text in ("", "🎈" * 2048 + "!"):
        assert user.post("/letters/notify", json=[{"user_id": user.id, "key": "l", "text": text}]).status_code == 500


def test_a_restarted_bot_resumes_what_it_holds(server: Server, bot: Bot) -> None:
    user, other = guest(bot), server.make_bot("deliver")
    notify(user, *({"user_id": user.id, "key": str(number)} for number in range(4)))
    held = lease(bot, limit=2, lease_seconds=60)
    (foreign,) = lease(other, limit=1)
    assert lease(bot, limit=2, resume=True) == held
    server.clock.advance(seconds=59)
    resumed = lease(bot, resume=True, lease_seconds=60)
    assert [one["id"] for one in resumed[:2]] == [one["id"] for one in held]
    assert len(resumed) == 3
    assert foreign["id"] not in {one["id"] for one in resumed}
    server.clock.advance(seconds=2)  # the first leases would have ended by now
    assert [one["id"] for one in lease(other)] == [foreign["id"]]


def test_several_results_are_answered_in_order(server: Server, bot: Bot) -> None:
    user, other = guest(bot), server.make_bot("deliver")
    notify(user, *({"user_id": user.id, "key": str(number)} for number in range(4)))
    sent, later, foreign = lease(bot, limit=2) + lease(other, limit=1)
    unknown = "00000000-0000-4000-8000-000000000000"
    results = [
        {"id": unknown, "result": "sent"},
        {"id": later["id"], "result": "retry", "retry_after": 60},
        {"id": foreign["id"], "result": "sent"},
        {"id": sent["id"], "result": "sent"},
    ]
    expected = [
        {"id": unknown, "code": "delivery_not_found"},
        {"id": later["id"], "state": "retry", "retry_at": "2027-01-01T12:01:00Z"},
        {"id": foreign["id"], "code": "conflict"},
        {"id": sent["id"], "state": "sent", "retry_at": None},
    ]
    for key in ({}, {"Idempotency-Key": "once"}, {"Idempotency-Key": "once"}):
        answer = bot.post("/deliveries/ack", json={"results": results}, headers=key)
        assert (answer.status_code, answer.json()) == (200, {"results": expected})
    assert bot.post("/deliveries/ack", json={"results": []}).json() == {"results": []}


def test_a_thousand_results_fit_into_a_body(bot: Bot) -> None:
    results = [{"id": str(uuid4()), "result": "retry", "retry_after": 86_400} for _ in range(1_000)]
    for indent in (None, 4):
        content = json.dumps({"results": results}, indent=indent)
        answer = bot.post("/deliveries/ack", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, answer.text
        assert [(one["id"], one["code"]) for one in answer.json()["results"]] == [
            (one["id"], "delivery_not_found") for one in results
        ]
    spaced = content + " " * (MAX_BATCH_BYTES - len(content))
    for body, status in ((spaced, 200), (spaced + " ", 413)):
        answer = bot.post("/deliveries/ack", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status


def test_a_malformed_result_acknowledges_nothing(bot: Bot) -> None:
    user = guest(bot)
    notify(user, {"user_id": user.id, "key": "k"})
    (held,) = lease(bot)
    good = {"id": held["id"], "result": "sent"}
    for bad in (
        {"id": "x"},
        {"id": 1, "result": "sent"},
        {"id": "x", "result": "lost"},
        {"id": "x", "result": "retry", "retry_after": -1},
    ):
        check_problem(bot.post("/deliveries/ack", json={"results": [good, bad]}), 422)
    check_problem(bot.post("/deliveries/ack", json={"results": [{"id": "", "result": "sent"}] * 1001}), 422)
    assert lease(bot, resume=True) == [held]


def test_a_replayed_lease_shows_only_what_the_bot_still_holds(bot: Bot) -> None:
    user = guest(bot)
    notify(user, *({"user_id": user.id, "key": str(number)} for number in range(2)))
    key = {"Idempotency-Key": "once"}
    acting = bot.acting_for(user.id)
    first, second = acting.post("/deliveries/lease", json={}, headers=key).json()["deliveries"]
    bot.post(f"/deliveries/{first['id']}/ack", json={"result": "sent"})
    again = acting.post("/deliveries/lease", json={}, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["deliveries"] == [second]
    requests = user.get("/users/me/export").json()["requests"]
    assert [request["result"] for request in requests] == [f'["{first["id"]}","{second["id"]}"]']


def test_everything_pending_moves_with_the_person_who_links_an_account(server: Server, bot: Bot) -> None:
    """Some of it is held by the bot, some is known to both accounts."""
    gone, stays = guest(bot), server.sign_up(locale="en")
    keys = ("queued:{}", "held:{}", "both:{}", "told:{}")
    notify(gone, *({"user_id": gone.id, "key": key.format(gone.id), "text": key} for key in keys[1::2]))
    held = {one["text"]: one for one in lease(bot)}
    bot.post(f"/deliveries/{held['told:{}']['id']}/ack", json={"result": "sent"})
    notify(gone, *({"user_id": gone.id, "key": key.format(gone.id), "text": key} for key in keys[::2]))
    code = stays.post("/users/me/link-codes").json()["code"]
    link = f"/identities/telegram/{gone.account['telegram_id']}/link"
    assert bot.post(link, json={"code": code}).status_code == 200
    told = lease(bot)
    assert sorted(texts(told)) == ["both:{}", "queued:{}"]
    assert {one["user_id"] for one in told} == {stays.id}
    assert notify(stays, {"user_id": stays.id, "key": f"queued:{stays.id}"}) == [False]
    assert bot.post(f"/deliveries/{held['held:{}']['id']}/ack", json={"result": "sent"}).status_code == 200


def test_what_both_accounts_wait_for_is_told_once(server: Server, bot: Bot) -> None:
    gone, other = guest(bot), guest(bot)
    stays = server.sign_up(locale="en")
    notify(other, {"user_id": gone.id, "key": f"a:{gone.id}", "text": "a"})
    (held,) = lease(bot)
    notify(other, {"user_id": gone.id, "key": f"b:{gone.id}", "text": "b"})
    telegram_id = gone.account["telegram_id"]
    # `stays` gets its own copies while it has a Telegram account of its own, which it then unlinks.
    own = telegram.new_id()
    telegram.link(bot, own, stays)
    notify(other, {"user_id": stays.id, "key": f"a:{stays.id}"}, {"user_id": stays.id, "key": f"b:{stays.id}"})
    assert stays.delete(f"/identities/telegram/{own}").status_code == 200
    code = stays.post("/users/me/link-codes").json()["code"]
    assert bot.post(f"/identities/telegram/{telegram_id}/link", json={"code": code}).status_code == 200
    assert texts(lease(bot)) == ["Hello"]
    assert bot.post(f"/deliveries/{held['id']}/ack", json={"result": "sent"}).status_code == 200


def test_any_act_of_an_unreachable_user_ends_that(server: Server, bot: Bot) -> None:
    user, other = guest(bot), guest(bot)
    acts: list[Callable[[], Any]] = [
        lambda: user.get("/users/me"),
        lambda: user.get("/events"),
        lambda: user.post("/users/me/link-codes"),
    ]
    for number, act in enumerate(acts):
        notify(other, {"user_id": user.id, "key": f"first-{number}"})
        (held,) = lease(bot)
        bot.post(f"/deliveries/{held['id']}/ack", json={"result": "blocked"})
        notify(other, {"user_id": user.id, "key": f"lost-{number}"})
        assert lease(bot) == []
        act()
        notify(other, {"user_id": user.id, "key": f"found-{number}"})
        (found,) = lease(bot)
        assert found["dedupe_key"] == f"letters:found-{number}"
        bot.post(f"/deliveries/{found['id']}/ack", json={"result": "sent"})


def test_a_bot_says_whether_a_user_is_reachable(server: Server, bot: Bot) -> None:
    """The requests are the bot's own, so none of them is an act of the user."""
    user, other = guest(bot), guest(bot)
    identity = f"/identities/telegram/{user.account['telegram_id']}"
    notify(other, {"user_id": user.id, "key": "stopped"})
    assert bot.put(identity, json={"reachable": False}).status_code == 200
    assert lease(bot) == []
    for body in ({}, {"first_name": "Anna"}):
        bot.put(identity, json=body)
        notify(other, {"user_id": user.id, "key": f"lost-{len(body)}"})
    assert lease(bot) == []
    assert bot.put(identity, json={"reachable": True}).status_code == 200
    notify(other, {"user_id": user.id, "key": "found"})
    assert [one["dedupe_key"] for one in lease(bot)] == ["letters:found"]
    for bad in (None, 1, "true"):
        check_problem(bot.put(identity, json={"reachable": bad}), 422)


def test_old_deliveries_are_forgotten(server: Server, bot: Bot) -> None:
    user = guest(bot)
    assert server.app is not None
    deliveries = server.app.state.core.deliveries
    notify(user, {"user_id": user.id, "key": "k", "expires_at": "2027-01-02T12:00:00Z"})
    for before, kept in (("2027-01-02T12:00:00Z", 1), ("2027-01-02T12:00:01Z", 0)):
        server._on_its_loop(deliveries.forget(before))
        assert len(user.get("/users/me/export").json()["deliveries"]) == kept
