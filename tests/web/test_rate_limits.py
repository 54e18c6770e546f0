"""Rate limits: the number of requests, the caller that they count against, and the cost of many senders."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eventorg.application import create_app
from eventorg.domain.errors import TooMany
from eventorg.security import login_throttle, rate_limiter
from eventorg.security.login_throttle import LoginThrottle
from eventorg.security.rate_limiter import RateLimiter, network_of
from eventorg.settings import Settings
from eventorg.testing import Clock, Server, User, check_problem, running

LIMIT = 5


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Server]:
    """A server with a limit of five requests per minute, behind a local proxy."""
    with running(settings(tmp_path)) as server:
        yield server


def settings(tmp_path: Path, proxies: str = "127.0.0.1") -> Settings:
    database = str(tmp_path / "eventorg.db")
    return Settings(
        plugins="none", database=database, log_level="error", requests_per_minute=LIMIT, trusted_proxies=proxies
    )


def sign_up(server: Server) -> User:
    """Returns a new user whose requests so far do not count."""
    user = server.sign_up()
    server.clock.advance(minutes=1)
    return user


def ask(server: Server, path: str = "/events", headers: dict[str, str] | None = None, via: str = "") -> httpx.Response:
    """Returns the answer to a request; `via` is the sender's address in `X-Forwarded-For`."""
    forwarded = {"X-Forwarded-For": via} if via else {}
    return server.client.get(path, headers=(headers or {}) | forwarded)


def exhaust(server: Server, path: str = "/events", headers: dict[str, str] | None = None, status: int = 200) -> None:
    for _ in range(LIMIT):
        assert ask(server, path, headers).status_code == status
    refused = ask(server, path, headers)
    check_problem(refused, 429, "too_many_requests")
    assert refused.headers["retry-after"] == "12"


def test_requests_come_back_evenly(limited: Server) -> None:
    exhaust(limited)
    limited.clock.advance(seconds=11)
    assert ask(limited).headers["retry-after"] == "1"
    limited.clock.advance(seconds=1)
    assert [ask(limited).status_code for _ in range(2)] == [200, 429]
    limited.clock.advance(minutes=1)
    exhaust(limited)


def test_health_answers_whoever_asks_too_often(limited: Server) -> None:
    exhaust(limited)
    assert {ask(limited, "/health").status_code for _ in range(LIMIT * 2)} == {200}


def test_each_caller_has_a_budget_of_its_own_wherever_it_asks_from(limited: Server) -> None:
    anna, boris = sign_up(limited), sign_up(limited)
    exhaust(limited, headers=anna.headers)
    assert ask(limited, headers=anna.headers, via="198.51.100.7").status_code == 429
    assert ask(limited, headers=boris.headers).status_code == 200
    assert ask(limited).status_code == 200
    another_login = {"Authorization": f"Bearer {limited.log_in(anna.account['email'])}"}
    assert ask(limited, headers=another_login).status_code == 429


def test_telling_about_people_counts_for_each_of_them(limited: Server) -> None:
    """A bot that tells about more people than the limit in a minute, and acts for them, is not refused."""
    bot = limited.make_bot("act")
    for telegram_id in range(1, 4 * LIMIT):
        url = f"/identities/telegram/{telegram_id}"
        assert bot.put(url).status_code == 201
        assert bot.acting_for(f"telegram:{telegram_id}").get("/users/me").status_code == 200
    for _ in range(LIMIT - 1):
        assert bot.put("/identities/telegram/1").status_code == 200
    check_problem(bot.put("/identities/telegram/1"), 429, "too_many_requests")
    assert bot.put("/identities/telegram/2").status_code == 200


def test_ids_that_cannot_be_count_for_the_bot(limited: Server) -> None:
    bot = limited.make_bot("act")
    answers = [
        bot.put(f"/identities/telegram/{telegram_id}").status_code
        for telegram_id in ("x", "0", "9" * 30, "-", "01", "a")
    ]
    assert answers[:LIMIT].count(429) == 0
    assert answers[LIMIT] == 429


def test_people_who_are_unknown_do_not_block_the_bot(limited: Server) -> None:
    bot = limited.make_bot("act")
    for telegram_id in range(1, 4 * LIMIT):
        check_problem(bot.acting_for(f"telegram:{telegram_id}").get("/users/me"), 404, "identity_not_found")
    for _ in range(LIMIT - 1):
        check_problem(bot.acting_for("telegram:1").get("/users/me"), 404)
    check_problem(bot.acting_for("telegram:1").get("/users/me"), 429)


def test_a_refusal_counts_once(limited: Server) -> None:
    user = sign_up(limited)
    exhaust(limited, "/events/1", user.headers, status=404)
    exhaust(limited, "/events/1", status=404)


def test_a_clock_that_is_set_back_locks_nobody_out(limited: Server) -> None:
    user = sign_up(limited)
    exhaust(limited, headers=user.headers)
    exhaust(limited)
    limited.clock.advance(days=-1)
    for headers in (None, {"Authorization": "Bearer x"}):
        assert ask(limited, headers=headers).status_code in (200, 401)
    rates, clock = RateLimiter(LIMIT, limited.clock), limited.clock
    for _ in range(LIMIT):
        rates.take("anna")
    clock.advance(days=-1)
    for _ in range(LIMIT):
        rates.take("anna")
    with pytest.raises(TooMany):
        rates.take("anna")


def test_a_bot_has_a_budget_for_each_user_it_acts_for(limited: Server) -> None:
    anna, boris = sign_up(limited), sign_up(limited)
    bot = limited.make_bot("act", "changes")
    exhaust(limited, "/users/me", bot.acting_for(anna.id).headers)
    assert ask(limited, "/users/me", bot.acting_for(boris.id).headers).status_code == 200
    assert ask(limited, "/changes", bot.headers).status_code == 200
    assert ask(limited, "/users/me", anna.headers).status_code == 200  # the bot used its own limit, not hers


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("/users/me", 401, {}),
        ("/users/me", 401, {"Authorization": "Bearer nonsense"}),
        ("/users/me", 401, {"Authorization": "Bearer evb_nonsense"}),
        ("/docs", 200, {"Authorization": "Bearer nonsense"}),
        ("/events/1", 404, {}),
    ],
)
def test_what_is_refused_counts_for_the_address(
    limited: Server, path: str, status: int, headers: dict[str, str]
) -> None:
    exhaust(limited, path, headers, status)
    assert ask(limited).status_code == 429
    assert ask(limited, via="198.51.100.7").status_code == 200


def test_a_scope_that_a_bot_lacks_counts_for_the_bot(limited: Server) -> None:
    exhaust(limited, "/users/me", limited.make_bot("act").headers, 403)
    assert ask(limited).status_code == 200


def test_what_a_client_says_of_its_address_before_the_proxy_does_not_count(limited: Server) -> None:
    for number in range(LIMIT):
        assert ask(limited, via=f"203.0.113.{number}, 198.51.100.7").status_code == 200
    assert ask(limited, via="198.51.100.7").status_code == 429
    assert ask(limited, via="198.51.100.7, 198.51.100.8").status_code == 200


def test_without_a_trusted_proxy_no_header_counts(tmp_path: Path) -> None:
    with running(settings(tmp_path, proxies="")) as server:
        for number in range(LIMIT):
            forged = f"203.0.113.{number}"
            headers = {"Forwarded": f"for={forged}", "X-Real-IP": forged}
            assert ask(server, headers=headers, via=forged).status_code == 200
        assert ask(server, via="203.0.113.99").status_code == 429


def test_a_host_of_ipv6_is_not_its_many_addresses(limited: Server) -> None:
    for number in range(LIMIT):
        assert ask(limited, via=f"2001:db8:1:2:{number}::{number}").status_code == 200
    assert ask(limited, via="2001:db8:1:2:ffff::1").status_code == 429
    assert ask(limited, via="2001:db8:1:3::1").status_code == 200


@pytest.mark.parametrize(
    ("client", "network"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("unknown", 0), "unknown"),
        (("x" * 9_000, 0), "x" * 64),
        (None, "unknown"),
    ],
)
def test_a_client_is_counted_by_its_network(client: tuple[str, int] | None, network: str) -> None:
    assert network_of(client) == network


def test_no_limit_is_no_work() -> None:
    def middleware(requests: int) -> list[str]:
        app = create_app(Settings(plugins="none", database="not-opened.db", requests_per_minute=requests))
        return [type(one).__name__ for one in app.middleware]

    assert not {"RateLimitMiddleware", "RefusalLimitMiddleware"} & set(middleware(0))
    assert {"RateLimitMiddleware", "RefusalLimitMiddleware"} <= set(middleware(1))


@pytest.mark.parametrize("limit", [1, 7, 60, 6_000])
def test_as_many_as_the_limit_says_and_not_one_more(limit: int) -> None:
    clock = Clock()
    rates = RateLimiter(limit, clock)
    for _ in range(limit):
        rates.take("anna")
    with pytest.raises(TooMany) as error:
        rates.take("anna")
    assert 1 <= error.value.retry_after <= 60
    rates.take("boris")


def test_the_sender_heard_of_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limiter, "MAX_SENDERS", 2)
    rates = RateLimiter(2, Clock())
    for sender in ("anna", "boris", "anna", "clara", "boris"):
        rates.take(sender)
    rates.take("clara")
    with pytest.raises(TooMany):
        rates.take("clara")
    rates.take("anna")  # was removed when boris came again


def test_a_flood_of_senders_takes_a_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends from a twentieth of the limit of addresses, with email addresses that folding makes 18 times as long."""
    senders = rate_limiter.MAX_SENDERS // 20
    assert rate_limiter.MAX_SENDERS == login_throttle.MAX_KEYS
    monkeypatch.setattr(rate_limiter, "MAX_SENDERS", senders)
    monkeypatch.setattr(login_throttle, "MAX_KEYS", senders)
    clock, grown = Clock(), "ﷺ" * 18
    rates, throttle = RateLimiter(60, clock), LoginThrottle(10, clock)

    def flood(first: int, last: int) -> int:
        for number in range(first, last):
            rates.take(f"2001:db8:{number}::/64")
            throttle.fail(f"account {number}{grown}", f"address {number}")
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full = flood(0, 2 * senders)
        assert full < 64 * 2**20 / 20
        assert flood(2 * senders, 4 * senders) - full < 2**20 / 20
    finally:
        tracemalloc.stop()
