"""The example of the original specification works, field by field."""

from typing import Any

from eventorg.testing import Server

SEED_EVENT = {"id", "title", "description", "start_time", "end_time", "location", "organizer_id", "created_at"}
SEED_USER = {"id", "username", "email", "first_name", "last_name", "created_at"}


def test_the_seeds_story(server: Server) -> None:
    client = server.client
    account = {
        "username": "user123",
        "email": "user@example.com",
        "password": "secure_password",
        "first_name": "Имя",
        "last_name": "Фамилия",
    }
    signed_up = client.post("/users", json=account)
    assert signed_up.status_code == 201
    user = signed_up.json()
    assert user.keys() >= SEED_USER
    assert {"password": account["password"], **user}.items() >= account.items()
    assert "password" not in signed_up.text

    login = client.post("/login", json={"email": "user@example.com", "password": "secure_password"})
    assert login.status_code == 200
    mine = {"Authorization": f"Bearer {login.json()['token']}"}
    guest = server.sign_up()

    wish: dict[str, Any] = {
        "title": "Название мероприятия",
        "description": "Описание мероприятия",
        "start_time": "2027-09-15T10:00:00Z",
        "end_time": "2027-09-15T12:00:00Z",
        "location": "Адрес проведения",
        "organizer_id": user["id"],
    }
    created = client.post("/events", json=wish, headers=mine)
    assert created.status_code == 201
    event = created.json()
    assert event.keys() >= SEED_EVENT
    assert {key: event[key] for key in wish} == wish
    assert created.headers["location"] == f"/events/{event['id']}"
    assert client.get(f"/events/{event['id']}", headers=mine).json() == event
    for_others = {name: value for name, value in event.items() if name != "metadata"} | {"role": None}
    assert client.get(f"/events/{event['code']}").json() == for_others

    registered = guest.post(f"/events/{event['id']}/register", json={"user_id": guest.id})
    assert registered.status_code == 201
    registration = registered.json()
    assert (registration["event_id"], registration["user_id"]) == (event["id"], guest.id)
    assert registration["status"] == "registered"
    again = guest.post(f"/events/{event['id']}/register")
    assert (again.status_code, again.json()) == (200, registration)

    listed = client.get(f"/events/{event['id']}/participants", headers=mine).json()
    assert type(listed.pop("as_of")) is int
    assert listed == {"event_id": event["id"], "participants": [registration], "next": None}

    patch = {
        "title": "Обновленное название мероприятия",
        "description": "Обновленное описание",
        "start_time": "2027-09-15T12:00:00Z",
        "end_time": "2027-09-15T14:00:00Z",
        "location": "Новый адрес",
    }
    patched = client.patch(f"/events/{event['id']}", json=patch, headers=mine)
    assert patched.status_code == 200
    assert {key: patched.json()[key] for key in patch} == patch
    assert "updated_at" in patched.json()

    seen = guest.get(f"/users/{user['id']}").json()
    assert "email" not in seen
    assert seen["username"] == "user123"
    names = {"first_name": "Новое имя", "last_name": "Новая фамилия", "email": "new_email@example.com"}
    renamed = client.patch(f"/users/{user['id']}", json=names, headers=mine)
    assert renamed.status_code == 200
    assert {key: renamed.json()[key] for key in names} == names

    short = {"id": event["id"], "code": event["code"], "title": patch["title"], "start_time": patch["start_time"]}
    as_of = {"as_of": client.get("/events").json()["as_of"]}
    assert client.get(f"/users/{user['id']}/events", headers=mine).json() == as_of | {
        "organized_events": [short],
        "participated_events": [],
    }
    assert guest.get("/users/me/events").json() == as_of | {
        "organized_events": [],
        "participated_events": [short | {"status": "registered"}],
    }

    deleted = client.delete(f"/events/{event['id']}", headers=mine)
    assert (deleted.status_code, deleted.json()) == (200, {"message": "Мероприятие успешно удалено"})
    assert client.get(f"/events/{event['id']}").status_code == 404
    gone = client.delete(f"/users/{user['id']}", headers=mine)
    assert (gone.status_code, gone.json()) == (200, {"message": "Пользователь успешно удален"})
    assert client.get("/users/me", headers=mine).status_code == 401
