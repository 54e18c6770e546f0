"""Conditional requests (RFC 9110, section 13): no lost updates, and 304 for an unchanged resource."""

import pytest

from eventorg.testing import Server, User, check_problem
from tests.telegram import new_id


@pytest.fixture
def host(server: Server) -> User:
    return server.sign_up()


@pytest.fixture
def url(host: User) -> str:
    return f"/events/{host.create_event()['id']}"


def test_the_second_of_two_changes_of_one_version_is_412(host: User, url: str) -> None:
    tag = host.get(url).headers["etag"]
    first = host.patch(url, json={"title": "First"}, headers={"If-Match": tag})
    assert first.status_code == 200
    check_problem(host.patch(url, json={"title": "Second"}, headers={"If-Match": tag}), 412, "version_mismatch")
    check_problem(host.delete(url, headers={"If-Match": tag}), 412, "version_mismatch")
    assert host.get(url).json()["title"] == "First"
    assert first.headers["etag"] == host.get(url).headers["etag"] != tag
    assert host.delete(url, headers={"If-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ("{tag}", 200),
        ("*", 200),
        ('"x" ,  {tag}', 200),
        ('"9-0-0", {tag}, "7"', 200),
        ("W/{tag}", 200),
        ('"{bare}-gzip"', 200),
        ('W/"{bare}-br"', 200),
        ('W/"9-0-0-gzip"', 412),
        ('""', 412),
        ('"-gzip"', 412),
        ('"9-0-0"', 412),
        ('"x"', 412),
        ("{bare}", 412),
        ("1", 412),
        ("", 412),
        ("{tag},", 200),
        (", ,{tag}", 200),
        ("{tag} x", 412),
        ("x {tag}", 412),
        ("x, {tag}", 412),
        ("w/{tag}", 412),
        ("{tag}{tag}", 412),
        ('"x{tag}', 412),
        ("*, {tag}", 412),
        ("**", 412),
        ('"1"', 200),
        ('"1-', 412),
    ],
)
def test_a_change_is_made_in_a_version_named(host: User, url: str, if_match: str, status: int) -> None:
    tag = host.get(url).headers["etag"]
    condition = if_match.format(tag=tag, bare=tag.strip('"'))
    response = host.patch(url, json={"title": "Another"}, headers={"If-Match": condition})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"{bare}-gzip"', 304),
        ('W/"{bare}-gzip"', 304),
        ('W/"{bare}-br", "x"', 304),
        ('"{bare}-zstd"', 304),
        ('"{bare}--gzip"', 304),
        ('"{bare};br"', 304),
        ('"{bare}-gzip-x"', 200),
        ('"{bare}gzip"', 200),
        ('"-gzip"', 200),
        ("*", 304),
        ('"x",{tag}', 304),
        ('"x"', 200),
        ("{bare}", 200),
        ('"9-0-0"', 200),
        ("", 200),
        ("x {tag}", 200),
        ("w/{tag}", 200),
        ("*, {tag}", 200),
    ],
)
def test_what_one_has_is_not_sent_again(host: User, url: str, if_none_match: str, status: int) -> None:
    tag = host.get(url).headers["etag"]
    condition = if_none_match.format(tag=tag, bare=tag.strip('"'))
    response = host.get(url, headers={"If-None-Match": condition})
    assert (response.status_code, response.headers["etag"]) == (status, tag)
    assert (response.content == b"") == (status == 304)


def lines(user: User, name: str, *values: str) -> list[tuple[str, str]]:
    return [*user.headers.items(), *((name, value) for value in values)]


def test_several_lines_are_one_list(host: User, url: str) -> None:
    tag = host.get(url).headers["etag"]
    for values, status in ((('"x"', tag), 200), ((tag, '"x"'), 200), (('"x"', '"y"'), 412), (("*", tag), 412)):
        answer = host.client.patch(url, json={}, headers=lines(host, "If-Match", *values))
        assert answer.status_code == status, values
    for values, status in ((('"x"', tag), 304), ((tag, '"x"'), 304), (('"x"', '"y"'), 200)):
        assert host.client.get(url, headers=lines(host, "If-None-Match", *values)).status_code == status, values


def test_a_condition_that_cannot_be_read_changes_nothing(host: User, url: str) -> None:
    for method, path in (("DELETE", url), ("POST", f"{url}/cancel"), ("DELETE", "/users/me")):
        check_problem(host.client.request(method, path, headers=lines(host, "If-Match", "x")), 412, "version_mismatch")


def test_what_is_not_there_has_no_version(host: User, url: str) -> None:
    assert host.delete(url).status_code == 200
    check_problem(host.patch(url, json={}, headers={"If-Match": "*"}), 404, "event_not_found")


def test_a_long_list_takes_no_time(host: User, url: str) -> None:
    tags = '"x" \t,' * 8_000
    check_problem(host.patch(url, json={}, headers={"If-Match": tags + "x"}), 412, "version_mismatch")
    assert host.patch(url, json={}, headers={"If-Match": tags + "*"}).status_code == 412


def test_a_registration_changes_the_tag_but_stops_no_change(host: User, url: str) -> None:
    tag = host.get(url).headers["etag"]
    assert host.post(f"{url}/register").status_code == 201
    seen = host.get(url, headers={"If-None-Match": tag})
    assert seen.status_code == 200
    assert seen.headers["etag"] != tag
    assert host.patch(url, json={"title": "Another"}, headers={"If-Match": tag}).status_code == 200


def test_a_use_changes_the_tag_of_an_invitation_but_stops_no_revocation(server: Server, host: User, url: str) -> None:
    made = host.post(f"{url}/invitations")
    own = f"{url}/invitations/{made.json()['id']}"
    server.sign_up().post(f"/invitations/{made.json()['code']}/accept")
    for headers in ({"If-Match": '"x"'}, {"If-None-Match": made.headers["etag"]}, {"If-None-Match": "*"}):
        check_problem(host.delete(own, headers=headers), 412, "version_mismatch")
    assert host.delete(own, headers={"If-Match": made.headers["etag"]}).status_code == 200


def test_a_stranger_learns_403_before_412(server: Server, url: str) -> None:
    check_problem(server.sign_up().patch(url, json={}, headers={"If-Match": '"9-0-0"'}), 403, "forbidden")


def test_a_registration_has_a_tag_that_guards_its_changes(server: Server) -> None:
    host, guest = server.sign_up(), server.sign_up()
    place = f"/events/{host.create_event()['id']}"
    tag = guest.post(f"{place}/register").headers["etag"]
    read = guest.get(f"{place}/participants/me")
    assert read.headers["etag"] == tag
    assert guest.get(f"{place}/participants/me", headers={"If-None-Match": tag}).status_code == 304
    seat = f"{place}/participants/{guest.id}"
    check_in = host.patch(seat, json={"status": "attended"}, headers={"If-Match": tag})
    assert check_in.status_code == 200
    for method, url, caller in (("PATCH", seat, host), ("DELETE", seat, host), ("DELETE", f"{place}/register", guest)):
        body = {"json": {"status": "registered"}} if method == "PATCH" else {}
        check_problem(getattr(caller, method.lower())(url, headers={"If-Match": tag}, **body), 412, "version_mismatch")
    assert guest.get(f"{place}/participants/me").headers["etag"] == check_in.headers["etag"]
    assert host.delete(seat, headers={"If-Match": check_in.headers["etag"]}).status_code == 200


def test_the_user_of_a_telegram_account_has_a_version(server: Server) -> None:
    bot, user = server.make_bot("act"), server.sign_up()
    url = f"/identities/telegram/{new_id()}"
    code = user.post("/users/me/link-codes").json()["code"]
    tag = bot.post(f"{url}/link", json={"code": code}).headers["etag"]
    assert bot.get(url).headers["etag"] == user.get("/users/me").headers["etag"] == tag
    assert bot.put(url).headers["etag"] == tag
    seen = bot.get(url, headers={"If-None-Match": tag})
    assert (seen.status_code, seen.headers["etag"], seen.content) == (304, tag, b"")
    user.patch("/users/me", json={"first_name": "Anna"})
    assert bot.get(url, headers={"If-None-Match": tag}).status_code == 200
    check_problem(user.delete(url, headers={"If-Match": tag}), 412, "version_mismatch")
    assert user.delete(url, headers={"If-Match": bot.get(url).headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        ("{tag}", 412),
        ("*", 412),
        ("W/{tag}", 412),
        ('"{bare}-gzip"', 412),
        ('"x", {tag}', 412),
        ('"9-0-0"', 200),
        ('"x"', 200),
        ("", 412),
        ("{bare}", 412),
        ("*, {tag}", 412),
    ],
)
def test_a_change_is_not_made_in_a_version_excluded(host: User, url: str, if_none_match: str, status: int) -> None:
    tag = host.get(url).headers["etag"]
    condition = if_none_match.format(tag=tag, bare=tag.strip('"'))
    assert host.patch(url, json={"title": "Another"}, headers={"If-None-Match": condition}).status_code == status


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "status"),
    [("{tag}", '"9-0-0"', 200), ("*", '"9-0-0"', 200), ("{tag}", "{tag}", 412), ("*", "{tag}", 412),
     ("{tag}", "*", 412), ('"9-0-0"', '"8-0-0"', 412), ("*", "*", 412)],
)  # fmt: skip
def test_both_conditions_must_hold(host: User, url: str, if_match: str, if_none_match: str, status: int) -> None:
    tag = host.get(url).headers["etag"]
    headers = {"If-Match": if_match.format(tag=tag), "If-None-Match": if_none_match.format(tag=tag)}
    assert host.patch(url, json={"title": "Another"}, headers=headers).status_code == status


def test_every_change_has_both_conditions(server: Server, host: User) -> None:
    """Each PUT, PATCH and DELETE route of the core: 412 for a wrong condition, and the change for the right one."""
    bot, guest = server.make_bot("act"), server.sign_up()
    place, telegram = f"/events/{host.create_event()['id']}", f"/identities/telegram/{new_id()}"
    host_tag = host.post(f"{place}/hosts", json={"user_id": guest.id}).headers["etag"]
    code = host.post("/users/me/link-codes").json()["code"]
    bot.post(f"{telegram}/link", json={"code": code})
    block = f"/users/me/blocks/{guest.id}"
    invitation = host.post(f"{place}/invitations")
    own = f"{place}/invitations/{invitation.json()['id']}"
    tags = {
        f"{place}/hosts/{guest.id}": host_tag,
        block: host.put(block).headers["etag"],
        own: invitation.headers["etag"],
    }
    calls = [
        ("PATCH", place, {"title": "T"}, host),
        ("PATCH", "/users/me", {}, host),
        ("PUT", telegram, {}, bot),
        ("DELETE", telegram, None, host),
        ("PUT", block, None, host),
        ("DELETE", block, None, host),
        ("DELETE", f"{place}/hosts/{guest.id}", None, host),
        ("PATCH", f"{place}/participants/me", {"status": "registered"}, host),
        ("DELETE", f"{place}/participants/me", None, host),
        ("PATCH", f"{place}/register", {"guests": 0}, host),
        ("DELETE", f"{place}/register", None, host),
        ("DELETE", own, None, host),
        ("PUT", f"{place}/rsvp", {"answer": "going"}, host),
        ("PATCH", f"{place}/rsvp", {"guests_delta": -1}, host),
        ("DELETE", f"{place}/rsvp", None, host),
        ("DELETE", place, None, host),
        ("DELETE", "/users/me", None, host),
    ]
    document = server.client.get("/openapi.json").json()["paths"].items()
    routes = [1 for _, item in document for method in item if method in ("put", "patch", "delete")]
    assert len(calls) == len(routes)
    for method, url, body, caller in calls:
        if url.endswith(("/participants/me", "/register", "/rsvp")):
            host.post(f"{place}/register")
        read = "/users/me" if caller is host and url == telegram else url.replace("/register", "/participants/me")
        tag = tags.get(url) or caller.get(read).headers["etag"]
        wrong = [{"If-Match": '"x"'}, {"If-Match": '"x-gzip"'}, {"If-None-Match": tag}, {"If-None-Match": "*"}]
        for condition in wrong:
            response = caller.client.request(method, url, json=body, headers=caller.headers | condition)
            check_problem(response, 412, "version_mismatch")
        weak = caller.headers | {"If-Match": f'W/"{tag[1:-1]}-gzip"', "If-None-Match": '"x"'}
        assert caller.client.request(method, url, json=body, headers=weak).status_code == 200, (method, url)


def test_a_put_with_a_condition_creates_or_changes(server: Server) -> None:
    bot = server.make_bot("act")
    url = f"/identities/telegram/{new_id()}"
    check_problem(bot.put(url, headers={"If-Match": "*"}), 412, "version_mismatch")
    check_problem(bot.put(url, headers={"If-Match": '"1-self"'}), 412, "version_mismatch")
    assert bot.get(url).status_code == 404
    assert bot.put(url, headers={"If-None-Match": "*"}).status_code == 201
    check_problem(bot.put(url, headers={"If-None-Match": "*"}), 412, "version_mismatch")
    assert bot.put(url, headers={"If-Match": "*"}).status_code == 200


def test_a_block_is_created_or_kept_with_a_condition(server: Server, host: User) -> None:
    url = f"/users/me/blocks/{server.sign_up().id}"
    check_problem(host.put(url, headers={"If-Match": "*"}), 412, "version_mismatch")
    assert host.put(url, headers={"If-None-Match": "*"}).status_code == 201
    check_problem(host.put(url, headers={"If-None-Match": "*"}), 412, "version_mismatch")
    assert host.put(url, headers={"If-Match": "*"}).status_code == 200
