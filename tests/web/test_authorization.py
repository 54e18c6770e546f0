"""Permissions: one table of every route and every kind of caller, checked with real requests."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from eventorg.application import create_app
from eventorg.security.secret import load_secret
from eventorg.security.tokens import Tokens
from eventorg.settings import Settings
from eventorg.testing import PASSWORD, Bot, Server, User, check_problem
from tests import telegram
from tests.factories import new_event, new_user

# "self" is the user in the path. There is no mail server. Litestar answers OPTIONS itself; a test below covers it.
TABLE = """
                                                nobody expired stranger participant host organizer self
POST   /users                                      201     401      201         201  201       201    -
POST   /login                                      200     200      200         200  200       200    -
POST   /login/telegram                             200     200      200         200  200       200    -
POST   /logout                                     401     401      204         204  204       204    -
POST   /password-resets                            409     409      409         409  409       409    -
POST   /password-resets/confirm                    409     409      409         409  409       409    -
POST   /users/me/email-verification                401     401      409         409  409       409    -
POST   /users/me/email-verification/confirm        401     401      409         409  409       409    -
POST   /users/me/link-codes                        401     401      201         201  201       201    -
POST   /deliveries/ack                             401     401      403         403  403       403    -
POST   /deliveries/{delivery_id}/ack               401     401      403         403  403       403    -
POST   /deliveries/lease                           401     401      403         403  403       403    -
PUT    /identities/telegram/{telegram_id}          401     401      403         403  403       403  403
GET    /identities/telegram/{telegram_id}          401     401      403         403  403       403  403
DELETE /identities/telegram/{telegram_id}          401     401      404         404  404       404  200
POST   /identities/telegram/{telegram_id}/link     401     401      403         403  403       403  403
GET    /users/me/export                            401     401      200         200  200       200    -
GET    /users                                      401     401      200         200  200       200    -
GET    /users/{user_id}                            401     401      200         200  200       200  200
PATCH  /users/{user_id}                            401     401      403         403  403       403  200
DELETE /users/{user_id}                            401     401      403         403  403       403  200
GET    /users/{user_id}/events                     401     401      403         403  403       403  200
GET    /users/{user_id}/blocks                     401     401      403         403  403       403  200
PUT    /users/{user_id}/blocks/{blocked_id}        401     401      403         403  403       403  201
DELETE /users/{user_id}/blocks/{blocked_id}        401     401      403         403  403       403  200
POST   /users/me/claims                            401     401      200         200  200       200    -
GET    /events                                     200     401      200         200  200       200    -
POST   /events                                     401     401      201         201  201       201    -
GET    /events/{event_id}                          200     401      200         200  200       200    -
PATCH  /events/{event_id}                          401     401      403         403  200       200    -
DELETE /events/{event_id}                          401     401      403         403  403       200    -
POST   /events/{event_id}/cancel                   401     401      403         403  200       200    -
POST   /events/{event_id}/copy                     401     401      403         403  201       201    -
GET    /events/{event_id}/hosts                    401     401      200         200  200       200    -
POST   /events/{event_id}/hosts                    401     401      403         403  403       201    -
DELETE /events/{event_id}/hosts/{user_id}          401     401      403         403  403       200  200
POST   /events/{event_id}/register                 401     401      201         200  201       201    -
PATCH  /events/{event_id}/register                 401     401      404         200  404       404    -
DELETE /events/{event_id}/register                 401     401      404         200  404       404    -
GET    /events/{event_id}/rsvp                     401     401      404         200  404       404    -
PUT    /events/{event_id}/rsvp                     401     401      200         200  200       200    -
PATCH  /events/{event_id}/rsvp                     401     401      200         200  200       200    -
DELETE /events/{event_id}/rsvp                     401     401      404         200  404       404    -
GET    /events/{event_id}/rsvps                    401     401      200         200  200       200    -
GET    /events/{event_id}/participants             401     401      200         200  200       200    -
POST   /events/{event_id}/participants             401     401      403         403  201       201    -
GET    /events/{event_id}/participants/{user_id}   401     401      200         200  200       200  200
PATCH  /events/{event_id}/participants/{user_id}   401     401      403         403  200       200  403
DELETE /events/{event_id}/participants/{user_id}   401     401      403         403  200       200  403
POST   /events/{event_id}/participants/{user_id}/link-codes 401 401 403         403  201       201  403
GET    /events/{event_id}/card                     401     401      200         200  200       200    -
POST   /events/{event_id}/invitations              401     401      403         403  201       201    -
GET    /events/{event_id}/invitations              401     401      403         403  200       200    -
DELETE /events/{event_id}/invitations/{invitation_id} 401  401      403         403  200       200    -
GET    /invitations/{code}                         200     401      200         200  200       200    -
POST   /invitations/{code}/accept                  401     401      201         200  201       201    -
GET    /changes                                    401     401      200         200  200       200    -
GET    /health                                     200     200      200         200  200       200    -
GET    /openapi.json                               200     200      200         200  200       200    -
GET    /docs                                       200     200      200         200  200       200    -
GET    /docs/openapi.json                          200     200      200         200  200       200    -
GET    /docs/{path}                                404     404      404         404  404       404    -
GET    /problems                                   200     200      200         200  200       200    -
GET    /problems/{code}                            200     200      200         200  200       200    -
GET    /docs/assets/{file_path}                    200     200      200         200  200       200    -
HEAD   /docs/assets/{file_path}                    200     200      200         200  200       200    -
"""

# The answer for each kind of event to callers who know its id. A draft cannot have registrations. The last kinds hide
# the names of participants.
VISIBILITY = """
                                                         nobody stranger participant host organizer
public   GET    /events/{event_id}                           200      200         200  200       200
unlisted GET    /events/{event_id}                           200      200         200  200       200
private  GET    /events/{event_id}                           404      404         200  200       200
draft    GET    /events/{event_id}                           404      404           -  200       200
unlisted GET    /events/{event_id}/participants              401      200         200  200       200
private  GET    /events/{event_id}/participants              401      404         200  200       200
draft    GET    /events/{event_id}/participants              401      404           -  200       200
unlisted GET    /events/{event_id}/hosts                     401      200         200  200       200
private  GET    /events/{event_id}/hosts                     401      404         200  200       200
draft    GET    /events/{event_id}/hosts                     401      404           -  200       200
unlisted GET    /events/{event_id}/card                      401      200         200  200       200
private  GET    /events/{event_id}/card                      401      404         200  200       200
draft    GET    /events/{event_id}/card                      401      404           -  200       200
unlisted POST   /events/{event_id}/register                  401      201         200  201       201
private  POST   /events/{event_id}/register                  401      404         200  201       201
draft    POST   /events/{event_id}/register                  401      404           -  409       409
private  DELETE /events/{event_id}/register                  401      404         200  404       404
draft    DELETE /events/{event_id}/register                  401      404           -  404       404
unlisted PUT    /events/{event_id}/rsvp                      401      200         200  200       200
private  PUT    /events/{event_id}/rsvp                      401      404         200  200       200
draft    PUT    /events/{event_id}/rsvp                      401      404           -  409       409
private  GET    /events/{event_id}/rsvp                      401      404         200  404       404
private  PATCH  /events/{event_id}/rsvp                      401      404         200  200       200
private  DELETE /events/{event_id}/rsvp                      401      404         200  404       404
draft    DELETE /events/{event_id}/rsvp                      401      404           -  404       404
unlisted GET    /events/{event_id}/rsvps                     401      200         200  200       200
private  GET    /events/{event_id}/rsvps                     401      404         200  200       200
draft    GET    /events/{event_id}/rsvps                     401      404           -  200       200
private  PATCH  /events/{event_id}                           401      404         403  200       200
private  DELETE /events/{event_id}                           401      404         403  403       200
private  POST   /events/{event_id}/cancel                    401      404         403  200       200
private  POST   /events/{event_id}/hosts                     401      404         403  403       201
private  DELETE /events/{event_id}/hosts/{user_id}           401      404         403  403       200
private  POST   /events/{event_id}/copy                      401      404         403  201       201
draft    POST   /events/{event_id}/copy                      401      404           -  201       201
draft    PATCH  /events/{event_id}                           401      404           -  200       200
draft    DELETE /events/{event_id}                           401      404           -  403       200
draft    POST   /events/{event_id}/cancel                    401      404           -  200       200
draft    POST   /events/{event_id}/hosts                     401      404           -  403       201
draft    DELETE /events/{event_id}/hosts/{user_id}           401      404           -  403       200
private  GET    /events/{event_id}/participants/{user_id}    401      404         200  200       200
private  PATCH  /events/{event_id}/participants/{user_id}    401      404         403  200       200
private  DELETE /events/{event_id}/participants/{user_id}    401      404         403  200       200
private  POST   /events/{event_id}/participants              401      404         403  201       201
draft    POST   /events/{event_id}/participants              401      404           -  409       409
private  POST   /events/{event_id}/participants/{user_id}/link-codes 401 404      403  201       201
private  POST   /events/{event_id}/invitations               401      404         403  201       201
private  GET    /events/{event_id}/invitations               401      404         403  200       200
private  DELETE /events/{event_id}/invitations/{invitation_id} 401    404         403  200       200
private  GET    /invitations/{code}                          200      200         200  200       200
private  POST   /invitations/{code}/accept                   401      201         200  201       201
draft    POST   /events/{event_id}/invitations               401      404           -  201       201
draft    GET    /events/{event_id}/invitations               401      404           -  200       200
draft    DELETE /events/{event_id}/invitations/{invitation_id} 401    404           -  200       200
draft    GET    /invitations/{code}                          200      200           -  200       200
draft    POST   /invitations/{code}/accept                   401      409           -  409       409
names-of-participants GET    /events/{event_id}/participants           401 403 200 200 200
names-of-participants GET    /events/{event_id}/participants/{user_id} 401 403 200 200 200
names-of-participants PATCH  /events/{event_id}/participants/{user_id} 401 403 403 200 200
names-of-participants GET    /events/{event_id}/card                   401 200 200 200 200
names-of-participants GET    /events/{event_id}                        200 200 200 200 200
names-of-participants GET    /events/{event_id}/hosts                  401 200 200 200 200
names-of-participants POST   /events/{event_id}/register               401 201 200 201 201
names-of-hosts        GET    /events/{event_id}/participants           401 403 403 200 200
names-of-hosts        GET    /events/{event_id}/participants/{user_id} 401 403 403 200 200
names-of-hosts        PATCH  /events/{event_id}/participants/{user_id} 401 403 403 200 200
names-of-hosts        GET    /events/{event_id}/card                   401 200 200 200 200
names-of-hosts        GET    /events/{event_id}                        200 200 200 200 200
names-of-hosts        GET    /events/{event_id}/hosts                  401 200 200 200 200
names-of-hosts        POST   /events/{event_id}/register               401 201 200 201 201
"""


KINDS = {
    "names-of-participants": {"participants_visibility": "participants"},
    "names-of-hosts": {"participants_visibility": "hosts"},
}
"""The fields of each kind of event that is not named after its visibility."""


def rows(table: str) -> list[tuple[list[str], dict[str, str]]]:
    """Returns the words on the left of each row, and its statuses by caller."""
    head, *lines = (line.split() for line in table.strip().splitlines())
    return [(line[: -len(head)], dict(zip(head, line[-len(head) :], strict=True))) for line in lines]


def cells(table: str) -> list[Any]:
    """Returns one test per status: the row, the caller and the status."""
    return [
        pytest.param(*row, who, int(status), id=" ".join((*row, who)))
        for row, statuses in rows(table)
        for who, status in statuses.items()
        if status != "-"
    ]


class Cast:
    """One user of each kind. Each request is about an event and a user that no other request has changed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.bot = server.make_bot("act")
        self.stranger, self.participant, self.host, self.organizer = (server.sign_up() for _ in range(4))
        self.callers: dict[str, User | Bot] = {
            "stranger": self.stranger, "participant": self.participant, "host": self.host, "organizer": self.organizer
        }  # fmt: skip
        self._unchanged: dict[tuple[str, str, str], tuple[User, str]] = {}
        event_id = str(self.organizer.create_event()["id"])
        for user in (self.host, self.stranger):  # who has acted once may be made a co-host without a limit
            self._make_host(user, event_id)
            user.patch(f"/events/{event_id}", json={"location": f"By {user.id}"})

    def play(self, kind: str, method: str, path: str, who: str) -> httpx.Response:
        """Returns the answer to `who` about an event of this kind."""
        row = kind, method, path
        user, url = self._unchanged.pop(row) if row in self._unchanged else self._prepare(*row)
        response = self._send(method, path, url, who, user)
        if method in ("GET", "HEAD") or response.status_code >= 400:
            self._unchanged[row] = user, url
        return response

    def _prepare(self, kind: str, method: str, path: str) -> tuple[User, str]:
        """Makes what a request is about. Returns the user in the path, and the path."""
        user = self.server.sign_up() if "{user_id}" in path or "{telegram_id}" in path else self.stranger
        is_of_event = "{event_id}" in path or path.startswith("/invitations")
        event_id = self._event(kind) if is_of_event else ""
        telegram_id = telegram.new_id()
        if "{telegram_id}" in path and method in ("GET", "DELETE"):
            telegram.link(self.bot, telegram_id, user)
        if "/participants/{user_id}" in path:
            self._register(user, event_id)
            self._become(kind, event_id)
        if "/hosts/{user_id}" in path:
            self._make_host(user, event_id)
        if (method, path) == ("DELETE", "/users/{user_id}/blocks/{blocked_id}"):
            assert user.put(f"/users/me/blocks/{self.stranger.id}").status_code == 201
        ids = {
            "event_id": event_id,
            "user_id": user.id,
            "telegram_id": telegram_id,
            "blocked_id": self.stranger.id,
            "code": "forbidden",
        }
        if path.endswith("/participants/{user_id}/link-codes"):
            ids["user_id"] = self._add_by_name(event_id)
        if "{invitation_id}" in path or path.startswith("/invitations"):
            invitation = self.organizer.post(f"/events/{event_id}/invitations").json()
            ids |= {"invitation_id": invitation["id"], "code": invitation["code"]}
        return user, path.format(**ids, delivery_id="none", path="somewhere", file_path="swagger-ui.css")

    def _send(self, method: str, path: str, url: str, who: str, user: User) -> httpx.Response:
        request = self.server.client.build_request(method, url, json=self._body(method, path))
        caller = (self.callers | {"self": user}).get(who)
        if who == "expired":
            request.headers["Authorization"] = f"Bearer {expired_token(self.server, self.participant)}"
        elif caller is not None:
            request.headers.update(caller.headers)
            if path == "/logout" and not isinstance(caller, Bot):  # by a login of its own
                request.headers["Authorization"] = f"Bearer {self.server.log_in(caller.account['email'])}"
        if (method, path) == ("GET", "/users"):
            request.url = request.url.copy_with(params={"ids": user.id})
        return self.server.client.send(request)

    def _event(self, kind: str) -> str:
        event_id = str(self.organizer.create_event(status="draft" if kind == "draft" else "published")["id"])
        self._make_host(self.host, event_id)
        if kind != "draft":
            self._register(self.participant, event_id)
            self._become(kind, event_id)
        return event_id

    def _become(self, kind: str, event_id: str) -> None:
        fields = KINDS.get(kind, {"visibility": kind})
        assert self.organizer.patch(f"/events/{event_id}", json=fields).status_code == 200

    def _register(self, user: User, event_id: str) -> None:
        self.organizer.patch(f"/events/{event_id}", json={"visibility": "public"})
        assert user.post(f"/events/{event_id}/register").status_code == 201

    def _make_host(self, user: User, event_id: str) -> None:
        assert self.organizer.post(f"/events/{event_id}/hosts", json={"user_id": user.id}).status_code == 201

    def _add_by_name(self, event_id: str) -> str:
        added = self.organizer.post(f"/events/{event_id}/participants", json={"first_name": "Boris"})
        assert added.status_code == 201
        return str(added.json()["user_id"])

    def _code(self) -> str:
        """Returns the code of somebody who was added to an event by name."""
        event_id = str(self.organizer.create_event()["id"])
        url = f"/events/{event_id}/participants/{self._add_by_name(event_id)}/link-codes"
        return str(self.organizer.post(url).json()["code"])

    def _body(self, method: str, path: str) -> Any:
        """Returns a body for a route that takes one, with a new user for each sign-up."""
        match method, path:
            case "POST", "/users":
                return new_user()
            case "POST", "/login":
                return {"email": self.stranger.account["email"], "password": PASSWORD}
            case "POST", "/password-resets":
                return {"email": self.stranger.account["email"]}
            case "POST", "/password-resets/confirm":
                return {"code": "no code", "password": PASSWORD}
            case "POST", "/users/me/email-verification/confirm":
                return {"code": "no code"}
            case "POST", "/login/telegram":
                return {"init_data": telegram.init_data(self.server.clock, user=telegram.user_field(telegram.new_id()))}
            case "PUT", "/identities/telegram/{telegram_id}":
                return {"first_name": "Anna"}
            case "POST", "/identities/telegram/{telegram_id}/link":
                return {"code": self.server.sign_up().post("/users/me/link-codes").json()["code"]}
            case "POST", "/deliveries/ack":
                return {"results": []}
            case "POST", "/deliveries/{delivery_id}/ack":
                return {"result": "sent"}
            case "POST", "/events":
                return new_event()
            case "PATCH", "/users/{user_id}":
                return {"first_name": "Anna"}
            case "POST", "/events/{event_id}/copy":
                return {"start_time": "2100-02-01T10:00:00Z"}
            case "PATCH", "/events/{event_id}":
                return {"title": "Another"}
            case "PUT", "/events/{event_id}/rsvp":
                return {"answer": "maybe"}
            case "PATCH", "/events/{event_id}/rsvp":
                return {"guests_delta": -1}
            case "PATCH", "/events/{event_id}/register":
                return {"guests": 0}
            case "PATCH", "/events/{event_id}/participants/{user_id}":
                return {"status": "attended"}
            case "POST", "/events/{event_id}/participants":
                return {"user_id": self.server.sign_up().id}
            case "POST", "/users/me/claims":
                return {"code": self._code()}
            case "POST", "/events/{event_id}/hosts":
                return {"user_id": self.stranger.id}
        return None


@pytest.fixture(scope="module")
def cast(server: Server) -> Cast:
    return Cast(server)


def expired_token(server: Server, user: User) -> str:
    """Returns a token that the user got two days ago."""
    tokens = Tokens(lambda: server.clock() - timedelta(days=2), timedelta(days=1))
    tokens.use((load_secret(server.settings.database_path),))
    return tokens.issue(user.id, 1)[0]


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    app = create_app(Settings(plugins="none", database="not-opened.db"))
    routes = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.route_handler_map
        if method != "OPTIONS"
    }
    assert {tuple(row) for row, _ in rows(TABLE)} == routes
    assert all(isinstance(route, HTTPRoute) for route in app.routes)


@pytest.mark.parametrize(("method", "path", "who", "status"), cells(TABLE))
def test_each_caller_gets_the_status_of_the_table(cast: Cast, method: str, path: str, who: str, status: int) -> None:
    response = cast.play("public", method, path, who)
    assert response.status_code == status, response.text
    if status >= 400:
        check_problem(response, status)


@pytest.mark.parametrize(("kind", "method", "path", "who", "status"), cells(VISIBILITY))
def test_private_events_and_drafts_do_not_exist_for_strangers(
    cast: Cast, kind: str, method: str, path: str, who: str, status: int
) -> None:
    response = cast.play(kind, method, path, who)
    assert response.status_code == status, response.text
    if status == 404 and who in ("nobody", "stranger"):
        unknown = cast.server.client.get("/events/111111111")
        assert response.json() == unknown.json(), "a hidden event is told apart from none"


def test_a_cancelled_event_is_still_shown_to_all(cast: Cast) -> None:
    event = cast.organizer.create_event()
    cast.organizer.patch(f"/events/{event['id']}", json={"status": "cancelled"})
    assert cast.server.client.get(f"/events/{event['id']}").json()["status"] == "cancelled"


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/docs", "/docs/assets/swagger-ui.css"])
def test_an_open_route_does_not_look_at_tokens(server: Server, path: str) -> None:
    assert server.client.get(path, headers={"Authorization": "Bearer nonsense"}).status_code == 200


@pytest.mark.parametrize("path", ["/events/{event_id}", "/users/me"])
def test_a_bad_token_is_never_ignored(server: Server, cast: Cast, path: str) -> None:
    url = path.format(event_id=cast.organizer.create_event()["id"])
    check_problem(server.client.get(url, headers={"Authorization": "Bearer nonsense"}), 401, "token_invalid")


def test_a_scheme_is_in_any_case_with_any_number_of_spaces(server: Server, cast: Cast) -> None:
    for scheme in ("Bearer ", "bearer ", "BEARER   "):
        response = server.client.get("/users/me", headers={"Authorization": scheme + cast.stranger.token})
        assert response.json()["id"] == cast.stranger.id


def test_options_tells_nothing_of_what_is_there(server: Server) -> None:
    response = server.client.options("/users/me")
    assert (response.status_code, response.content) == (204, b"")


def test_the_email_is_seen_by_oneself_only(cast: Cast) -> None:
    email = cast.stranger.account["email"]
    assert cast.stranger.get(f"/users/{cast.stranger.id}").json()["email"] == email
    assert cast.stranger.get("/users/me").json()["email"] == email
    seen = cast.organizer.get(f"/users/{cast.stranger.id}")
    assert "email" not in seen.json()
    assert email not in seen.text


def test_a_new_password_ends_the_tokens_of_before(server: Server) -> None:
    user = server.sign_up()
    other_device = server.log_in(user.account["email"])
    change = {"password": "another password", "current_password": PASSWORD}
    assert user.patch("/users/me", json=change).status_code == 200
    check_problem(user.get("/users/me"), 401, "token_revoked")
    check_problem(
        server.client.get("/users/me", headers={"Authorization": f"Bearer {other_device}"}), 401, "token_revoked"
    )
    token = server.log_in(user.account["email"], "another password")
    assert server.client.get("/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_deleted_account_ends_its_tokens(server: Server, cast: Cast) -> None:
    user = server.sign_up()
    event = cast.organizer.create_event()
    assert user.delete("/users/me").status_code == 200
    for response in (user.get("/users/me"), user.get(f"/events/{event['id']}"), user.post("/events", json={})):
        check_problem(response, 401, "token_revoked")


def test_a_token_expires_to_the_second(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    fresh_server.clock.advance(hours=23, minutes=59, seconds=59)
    assert user.get("/users/me").status_code == 200
    fresh_server.clock.advance(seconds=1)
    check_problem(user.get("/users/me"), 401, "token_expired")
