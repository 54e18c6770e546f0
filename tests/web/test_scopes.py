"""The rights of a bot's token, alone and for a user: one table of every route, checked with real requests."""

import pytest

from eventorg.domain.callers import SCOPES, BotScope
from eventorg.testing import Server, check_problem
from tests.web.test_authorization import TABLE, Cast, rows

# By scope; "+as" acts for the organizer of the event. S is `scope_missing`, A is `act_as_missing`, F is
# `forbidden` (all 403), R `token_revoked` (401).
BOTS = """
                                                 deliver deliver+as changes  act act+as revoked
POST   /users                                        201          S     201  201    201       R
POST   /login                                        200        200     200  200    200     200
POST   /login/telegram                               200        200     200  200    200     200
POST   /logout                                         F          S       F    F      F       R
POST   /password-resets                              409        409     409  409    409     409
POST   /password-resets/confirm                      409        409     409  409    409     409
POST   /users/me/email-verification                    S          S       S    A    409       R
POST   /users/me/email-verification/confirm            S          S       S    A    409       R
POST   /users/me/link-codes                            S          S       S    A    201       R
POST   /deliveries/ack                               200          S       S    S      S       R
POST   /deliveries/{delivery_id}/ack                 404          S       S    S      S       R
POST   /deliveries/lease                             200          S       S    S      S       R
PUT    /identities/telegram/{telegram_id}              S          S       S  201    201       R
GET    /identities/telegram/{telegram_id}              S          S       S  200    200       R
DELETE /identities/telegram/{telegram_id}              S          S       S    A    404       R
POST   /identities/telegram/{telegram_id}/link         S          S       S  200    200       R
GET    /users/me/export                                S          S       S    A    200       R
GET    /users                                        200          S     200  200    200       R
GET    /users/{user_id}                                S          S       S    A    200       R
PATCH  /users/{user_id}                                S          S       S    A    403       R
DELETE /users/{user_id}                                S          S       S    A    403       R
GET    /users/{user_id}/events                         S          S       S    A    403       R
GET    /users/{user_id}/blocks                         S          S       S    A    403       R
PUT    /users/{user_id}/blocks/{blocked_id}            S          S       S    A    403       R
DELETE /users/{user_id}/blocks/{blocked_id}            S          S       S    A    403       R
POST   /users/me/claims                                S          S       S    A    200       R
GET    /events                                       200          S     200  200    200       R
POST   /events                                         S          S       S    A    201       R
GET    /events/{event_id}                            200          S     200  200    200       R
PATCH  /events/{event_id}                              S          S       S    A    200       R
DELETE /events/{event_id}                              S          S       S    A    200       R
POST   /events/{event_id}/cancel                       S          S       S    A    200       R
POST   /events/{event_id}/copy                         S          S       S    A    201       R
GET    /events/{event_id}/hosts                        S          S       S    A    200       R
POST   /events/{event_id}/hosts                        S          S       S    A    201       R
DELETE /events/{event_id}/hosts/{user_id}              S          S       S    A    200       R
POST   /events/{event_id}/register                     S          S       S    A    201       R
PATCH  /events/{event_id}/register                     S          S       S    A    404       R
DELETE /events/{event_id}/register                     S          S       S    A    404       R
GET    /events/{event_id}/rsvp                         S          S       S    A    404       R
PUT    /events/{event_id}/rsvp                         S          S       S    A    200       R
PATCH  /events/{event_id}/rsvp                         S          S       S    A    200       R
DELETE /events/{event_id}/rsvp                         S          S       S    A    404       R
GET    /events/{event_id}/rsvps                      200          S     200  200    200       R
GET    /events/{event_id}/participants               200          S     200  200    200       R
POST   /events/{event_id}/participants                 S          S       S    A    201       R
GET    /events/{event_id}/participants/{user_id}       S          S       S    A    200       R
PATCH  /events/{event_id}/participants/{user_id}       S          S       S    A    200       R
DELETE /events/{event_id}/participants/{user_id}       S          S       S    A    200       R
POST   /events/{event_id}/participants/{user_id}/link-codes S     S       S    A    201       R
GET    /events/{event_id}/card                       200          S     200  200    200       R
POST   /events/{event_id}/invitations                  S          S       S    A    201       R
GET    /events/{event_id}/invitations                  S          S       S    A    200       R
DELETE /events/{event_id}/invitations/{invitation_id}  S          S       S    A    200       R
GET    /invitations/{code}                           200          S     200  200    200       R
POST   /invitations/{code}/accept                      S          S       S    A    201       R
GET    /changes                                        S          S     200    S    200       R
GET    /health                                       200        200     200  200    200     200
GET    /openapi.json                                 200        200     200  200    200     200
GET    /docs                                         200        200     200  200    200     200
GET    /docs/openapi.json                            200        200     200  200    200     200
GET    /docs/{path}                                  404        404     404  404    404     404
GET    /problems                                     200        200     200  200    200     200
GET    /problems/{code}                              200        200     200  200    200     200
GET    /docs/assets/{file_path}                      200        200     200  200    200     200
HEAD   /docs/assets/{file_path}                      200        200     200  200    200     200
"""
CODES = {
    "S": (403, "scope_missing"), "A": (403, "act_as_missing"), "F": (403, "forbidden"), "R": (401, "token_revoked")
}  # fmt: skip


@pytest.fixture(scope="module")
def cast(server: Server) -> Cast:
    cast = Cast(server)
    deliver, changes, revoked = server.make_bot("deliver"), server.make_bot("changes"), server.make_bot("act")
    server.revoke(revoked)
    cast.callers |= {"deliver": deliver, "changes": changes, "act": cast.bot, "revoked": revoked}
    organizer = cast.organizer.id
    cast.callers |= {"deliver+as": deliver.acting_for(organizer), "act+as": cast.bot.acting_for(organizer)}
    return cast


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("place", ["card", "participants", "rsvps"])
def test_a_bot_by_itself_reads_events_that_are_not_private(server: Server, scope: BotScope, place: str) -> None:
    bot, host = server.make_bot(scope), server.sign_up()
    for fields, status in (({}, 200), ({"visibility": "unlisted"}, 200), ({"visibility": "private"}, 404),
                           ({"status": "draft"}, 404)):  # fmt: skip
        event = host.create_event(**fields)
        if "status" not in fields:
            host.post(f"/events/{event['id']}/register")
        response = bot.get(f"/events/{event['code']}/{place}")
        assert response.status_code == status
        if status == 200:
            assert host.account["username"] in response.text or host.id in response.text


def test_a_missing_scope_is_named(server: Server) -> None:
    user = server.sign_up()
    for bot, path, scope in (
        (server.make_bot("changes"), "/users/me", "act"),
        (server.make_bot("act"), "/changes", "changes"),
        (server.make_bot("deliver").acting_for(user.id), "/users/me", "act"),
        (server.make_bot("deliver"), "/identities/telegram/1", "act"),
    ):
        problem = check_problem(bot.get(path, headers={"Accept-Language": "en"}), 403, "scope_missing")
        assert problem["detail"] == f"The token needs the scope `{scope}`."


def test_a_token_that_was_never_issued_is_unknown_and_not_revoked(server: Server) -> None:
    bot = server.make_bot("act")
    for token in ("evb_" + "x" * 43, "evb_"):
        response = server.client.get("/users/me", headers={"Authorization": f"Bearer {token}"})
        check_problem(response, 401, "token_invalid")
    server.revoke(bot)
    check_problem(bot.get("/users/me"), 401, "token_revoked")


def test_every_route_has_its_row() -> None:
    assert [row for row, _ in rows(BOTS)] == [row for row, _ in rows(TABLE)]


@pytest.mark.parametrize(
    ("method", "path", "who", "outcome"),
    [
        pytest.param(*row, who, outcome, id=" ".join((*row, who)))
        for row, outcomes in rows(BOTS)
        for who, outcome in outcomes.items()
    ],
)
def test_each_bot_gets_the_outcome_of_the_table(cast: Cast, method: str, path: str, who: str, outcome: str) -> None:
    response = cast.play("public", method, path, who)
    if outcome in CODES:
        check_problem(response, *CODES[outcome])
    else:
        assert response.status_code == int(outcome), response.text


@pytest.mark.parametrize("who", ["stranger", "participant"])
def test_a_bot_gets_what_the_user_gets_for_whom_it_acts(cast: Cast, who: str) -> None:
    acting = cast.bot.acting_for(cast.callers[who].id)
    cast.callers["acting"] = acting
    for (method, path), _ in rows(TABLE):
        if not path.startswith("/identities") and path != "/logout":
            responses = [cast.play("private", method, path, one) for one in (who, "acting")]
            assert len({response.status_code for response in responses}) == 1, (method, path)


def test_the_description_names_the_scopes_that_the_table_has(server: Server) -> None:
    document = server.client.get("/openapi.json").json()
    user: dict[str, list[str]] = {"user": []}
    act, changes, deliver = ({"bot": [scope]} for scope in ("act", "changes", "deliver"))
    needs_token = {tuple(row) for row, outcomes in rows(TABLE) if outcomes["nobody"] == "401"}
    for (method, path), outcomes in rows(BOTS):
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            continue
        if outcomes["revoked"] != "R":
            expected: list[dict[str, list[str]]] = []
        elif outcomes["act+as"] == "F":
            expected = [user]
        elif outcomes["deliver"] != "S" and outcomes["act+as"] == "S":
            expected = [deliver]
        elif (method, path) not in needs_token:
            expected = [{}, user, act]
        elif outcomes["act"] not in ("A", "S") and outcomes["changes"] == "S":
            expected = [act]
        else:
            by_itself = [scope for scope, name in ((changes, "changes"), (deliver, "deliver")) if outcomes[name] != "S"]
            expected = [user, act, *by_itself]
        assert operation.get("security", document["security"]) == expected, (method, path)
