"""Blocks: people who cannot register for a host's events, and who cannot add that host to theirs."""

from eventorg.testing import Server, User, check_problem
from tests.telegram import Person, link


def make(host: User) -> str:
    return f"/events/{host.create_event()['id']}"


def blocked_by(user: User) -> list[str]:
    return [block["user_id"] for block in user.get("/users/me/blocks").json()["blocks"]]


def test_a_block_is_put_and_deleted(server: Server) -> None:
    host, other = server.sign_up(), server.sign_up()
    url = f"/users/me/blocks/{other.id}"
    made = host.put(url)
    assert (made.status_code, made.json()) == (201, {"user_id": other.id, "created_at": "2027-01-01T12:00:00Z"})
    again = host.put(f"/users/{host.id}/blocks/{other.id}")
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, made.json(), made.headers["etag"])
    page = host.get("/users/me/blocks").json()
    assert (page["blocks"], page["next"]) == ([made.json()], None)
    assert page["as_of"] == host.get("/changes?after=latest").json()["next"]
    assert blocked_by(other) == []
    assert host.delete(url).json() == {"message": "Пользователь разблокирован"}
    check_problem(host.delete(url), 404, "block_not_found")


def test_nobody_blocks_themselves_or_nobody(server: Server) -> None:
    host = server.sign_up()
    for name in ("me", host.id):
        problem = check_problem(host.put(f"/users/me/blocks/{name}"), 422, "validation_failed")
        assert [fault["code"] for fault in problem["errors"]] == ["is_caller"]
    for unknown in ("5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30", "nonsense"):
        check_problem(host.put(f"/users/me/blocks/{unknown}"), 404, "user_not_found")
    url = make(host)
    host.post(f"{url}/register")
    check_problem(host.delete(f"{url}/participants/me?block=true"), 422, "validation_failed")
    assert host.get(f"{url}/participants/me").json()["status"] == "registered"


def test_pages_return_each_block_once(server: Server) -> None:
    host = server.sign_up()
    others = sorted(server.sign_up().id for _ in range(5))
    for other in others:
        host.put(f"/users/me/blocks/{other}")
    found, cursor = [], ""
    while True:
        page = host.get(f"/users/me/blocks?limit=2{cursor}").json()
        found += [block["user_id"] for block in page["blocks"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == others
    assert host.get("/users/me/blocks?limit=5").json()["next"] is None


def test_a_blocked_person_cannot_register_but_stays(server: Server) -> None:
    host, co_host, guest = (server.sign_up() for _ in range(3))
    before, after, shared = make(host), make(host), make(server.sign_up())
    guest.post(f"{before}/register")
    assert host.put(f"/users/me/blocks/{guest.id}").status_code == 201
    check_problem(guest.post(f"{after}/register"), 403, "blocked")
    assert guest.get(f"{before}/participants/me").json()["status"] == "registered"
    assert guest.post(f"{shared}/register").status_code == 201
    theirs = make(co_host)
    assert co_host.post(f"{theirs}/hosts", json={"user_id": host.id}).status_code == 201
    check_problem(guest.post(f"{theirs}/register"), 403, "blocked")
    host.delete(f"/users/me/blocks/{guest.id}")
    assert guest.post(f"{after}/register").status_code == 201


def test_removal_with_block_uses_the_list_of_the_calling_host(server: Server) -> None:
    organizer, co_host, guest, other = (server.sign_up() for _ in range(4))
    url = make(organizer)
    organizer.post(f"{url}/hosts", json={"user_id": co_host.id})
    for user in (guest, other):
        user.post(f"{url}/register")
    removed = co_host.delete(f"{url}/participants/{guest.id}?block=true")
    assert (removed.status_code, removed.json()["status"]) == (200, "cancelled")
    assert co_host.delete(f"{url}/participants/{other.id}?block=false").status_code == 200
    assert (blocked_by(co_host), blocked_by(organizer)) == ([guest.id], [])
    check_problem(guest.post(f"{url}/register"), 403, "blocked")
    assert other.post(f"{url}/register").status_code == 201
    check_problem(co_host.delete(f"{url}/participants/{guest.id}?block=yes"), 422, "validation_failed")
    stranger = server.sign_up()
    check_problem(co_host.delete(f"{url}/participants/{stranger.id}?block=true"), 404, "registration_not_found")
    assert blocked_by(co_host) == [guest.id]


def test_who_blocks_a_host_is_not_added_by_that_host(server: Server) -> None:
    organizer, co_host, shy = (server.sign_up() for _ in range(3))
    url = make(organizer)
    organizer.post(f"{url}/hosts", json={"user_id": co_host.id})
    shy.put(f"/users/me/blocks/{organizer.id}")
    check_problem(organizer.post(f"{url}/participants", json={"user_id": shy.id}), 403, "blocked")
    check_problem(organizer.post(f"{url}/hosts", json={"user_id": shy.id}), 403, "blocked")
    assert co_host.post(f"{url}/participants", json={"user_id": shy.id}).status_code == 201, "another host may"
    assert organizer.post(f"{url}/participants", json={"user_id": shy.id}).status_code == 200, "there already"


def test_who_blocks_a_host_is_not_approved_by_being_added(server: Server) -> None:
    host, shy = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event(approval_required=True)['id']}"
    shy.post(f"{url}/register")
    shy.put(f"/users/me/blocks/{host.id}")
    check_problem(host.post(f"{url}/participants", json={"user_id": shy.id}), 403, "blocked")
    assert shy.get(f"{url}/participants/me").json()["approved"] is False


def test_a_host_adds_whom_they_block_but_makes_them_no_co_host(server: Server) -> None:
    host, other = server.sign_up(), server.sign_up()
    url = make(host)
    host.put(f"/users/me/blocks/{other.id}")
    check_problem(host.post(f"{url}/hosts", json={"user_id": other.id}), 403, "blocked")
    assert host.post(f"{url}/participants", json={"user_id": other.id}).status_code == 201


def test_a_co_host_of_before_a_block_stays(server: Server) -> None:
    host, other = server.sign_up(), server.sign_up()
    url = make(host)
    host.post(f"{url}/hosts", json={"user_id": other.id})
    other.put(f"/users/me/blocks/{host.id}")
    assert host.post(f"{url}/hosts", json={"user_id": other.id}).status_code == 200


def test_the_export_has_the_callers_own_blocks(server: Server) -> None:
    host, other = server.sign_up(), server.sign_up()
    host.put(f"/users/me/blocks/{other.id}")
    assert host.get("/users/me/export").json()["blocks"] == host.get("/users/me/blocks").json()["blocks"]
    assert other.get("/users/me/export").json()["blocks"] == []


def test_blocks_go_with_either_account(server: Server) -> None:
    host, leaver, stranger = (server.sign_up() for _ in range(3))
    host.put(f"/users/me/blocks/{leaver.id}")
    leaver.put(f"/users/me/blocks/{stranger.id}")
    assert leaver.delete("/users/me").status_code == 200
    assert blocked_by(host) == []
    assert host.delete("/users/me").status_code == 200
    assert blocked_by(stranger) == []


def test_a_merged_account_blocks_and_is_blocked_as_both_were(server: Server) -> None:
    bot = server.make_bot("act")
    user, person = server.sign_up(), Person(server, bot)
    hater, victim, common = (server.sign_up() for _ in range(3))
    hater.put(f"/users/me/blocks/{person.id}")
    common.put(f"/users/me/blocks/{person.id}")
    common.put(f"/users/me/blocks/{user.id}")
    for blocked in (victim.id, common.id, user.id):
        person.bot.put(f"/users/me/blocks/{blocked}")
    user.put(f"/users/me/blocks/{common.id}")
    user.put(f"/users/me/blocks/{person.id}")
    link(bot, person.telegram_id, user)
    assert blocked_by(user) == sorted([victim.id, common.id])
    assert (blocked_by(hater), blocked_by(common)) == ([user.id], [user.id])
    check_problem(user.post(f"{make(hater)}/register"), 403, "blocked")
