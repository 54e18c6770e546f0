"""Listing events: filters, search and visibility."""

import time
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem


def found(user: User, **query: Any) -> list[str]:
    """Returns the titles of the user's own events that it finds, in order."""
    response = user.get("/events", params={"organizer_id": user.id} | query)
    assert response.status_code == 200, response.text
    return [event["title"] for event in response.json()["events"]]


@pytest.fixture(scope="module")
def days(server: Server) -> User:
    """A user with an event on each of the first four days of May, with the days as titles."""
    user = server.sign_up()
    for day in (3, 1, 4, 2):
        date = f"2090-05-0{day}"
        user.create_event(title=str(day), start_time=f"{date}T10:00:00Z", end_time=f"{date}T11:00:00Z")
    return user


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({}, "1234"),
        ({"from": "2090-05-02T10:00:00Z"}, "234"),
        ({"from": "2090-05-02T10:00:01Z"}, "34"),
        ({"to": "2090-05-03T10:00:00Z"}, "12"),
        ({"to": "2090-05-03T10:00:01Z"}, "123"),
        ({"from": "2090-05-02T00:00:00Z", "to": "2090-05-03T10:00:00Z"}, "2"),
        ({"from": "2090-05-02T12:00:00+02:00", "to": "2090-05-02T12:00:01+02:00"}, "2"),
        ({"from": "2090-05-03T00:00:00Z", "to": "2090-05-02T00:00:00Z"}, ""),
        ({"organizer_id": "nobody"}, ""),
        ({"q": ""}, "1234"),
        ({"q": "  "}, "1234"),
        ({"q": "3"}, "3"),
        ({"status": "cancelled"}, ""),
        ({"limit": 3}, "123"),
    ],
)
def test_filters_of_time_status_and_organizer(days: User, query: dict[str, Any], titles: str) -> None:
    assert "".join(found(days, **query)) == titles


def test_a_plus_that_was_not_encoded_is_understood(days: User) -> None:
    assert days.get(f"/events?organizer_id={days.id}&from=2090-05-02T13:00:00+03:00&limit=1").json()["next"] is not None


TEXTS = {
    "Встреча Выпускников": "в саду",
    "Чаепитие — ёлки": 'говорят: "приходи"',
    "100% скидка": "'; DROP TABLE events; --",
    "Straße": "a * star AND more",
    "Ночь_музеев": "два слова рядом",
}
WORDS = {
    "встреча": ["Встреча Выпускников"],
    "ВСТРЕЧА": ["Встреча Выпускников"],
    "пускник": ["Встреча Выпускников"],
    "встреча выпуск": ["Встреча Выпускников"],
    "выпускников встреча": [],
    "встреча выпускников": ["Встреча Выпускников"],
    "встреча выпускницы": [],
    "ЁЛКИ": ["Чаепитие — ёлки"],
    "в саду": ["Встреча Выпускников"],
    "Москва": list(TEXTS),
    "мО": list(TEXTS),
    "ё": ["Чаепитие — ёлки"],
    "Ч": ["Встреча Выпускников", "Чаепитие — ёлки", "Ночь_музеев"],
    "ыы": [],
    "%": ["100% скидка"],
    "100%": ["100% скидка"],
    "0% с": ["100% скидка"],
    "_": ["Ночь_музеев"],
    "ь_м": ["Ночь_музеев"],
    '"': ["Чаепитие — ёлки"],
    '"приходи"': ["Чаепитие — ёлки"],
    '""': [],
    '"""': [],
    "'": ["100% скидка"],
    "'; DROP": ["100% скидка"],
    "*": ["Straße"],
    "вст*": [],
    "AND": ["Straße"],
    "Straße AND star": [],
    "star AND more": ["Straße"],
    "NOT": [],
    "слова OR рядом": [],
    "search_text:слова": [],
    "^два": [],
    "STRASSE": ["Straße"],
    "NEAR(слова рядом)": [],
    "слова-рядом": [],
}


@pytest.fixture(scope="module")
def writer(server: Server) -> User:
    user = server.sign_up()
    for hour, (title, description) in enumerate(TEXTS.items(), start=10):
        time = {"start_time": f"2090-06-01T{hour}:00:00Z", "end_time": f"2090-06-01T{hour}:30:00Z"}
        user.create_event(title=title, description=description, location="Москва", **time)
    return user


@pytest.mark.parametrize("q", WORDS)
def test_search_takes_words_and_parts_of_words_as_they_are(writer: User, q: str) -> None:
    assert found(writer, q=q) == WORDS[q]


def test_search_follows_what_is_changed_and_deleted(server: Server) -> None:
    user = server.sign_up()
    event = f"/events/{user.create_event(title='Кукушка', location='Псков')['id']}"
    assert found(user, q="куш") == found(user, q="ПСК") == ["Кукушка"]
    user.patch(event, json={"title": "Ласточка"})
    assert found(user, q="куш") == []
    assert found(user, q="точ") == found(user, q="псков") == ["Ласточка"]
    user.patch(event, json={"location": None, "description": "Над рекой"})
    assert found(user, q="псков") == []
    assert found(user, q="над рек") == ["Ласточка"]
    assert user.delete(event).status_code == 200
    assert found(user, q="точ") == found(user, q="ла") == []


def test_texts_that_repeat_themselves_are_searched_in_no_time(fresh_server: Server) -> None:
    user = fresh_server.sign_up()
    for number in range(150):
        user.create_event(title=f"Event {number}", description="a" * 3_999 + "b")
    for q, count in (("a" * 200, 100), ("a" * 199 + "b", 100), ("b" + "a" * 199, 0), ("a" * 11, 100)):
        start = time.process_time()
        assert len(found(user, q=q)) == count
        assert time.process_time() - start < 0.5


HIDDEN = [{"status": "draft"}, {"visibility": "private"}, {"visibility": "unlisted"}]


@pytest.mark.parametrize("fields", HIDDEN, ids=str)
@pytest.mark.parametrize("q", [{}, {"q": "тайна"}, {"q": "та"}], ids=str)
def test_what_is_not_public_is_listed_for_its_hosts_only(server: Server, fields: dict[str, Any], q: Any) -> None:
    organizer, host, guest, stranger = (server.sign_up() for _ in range(4))
    event = organizer.create_event(title="Тайна", **fields)
    assert organizer.post(f"/events/{event['id']}/hosts", json={"user_id": host.id}).status_code == 201
    mine: dict[str, Any] = {"organizer_id": organizer.id, **q}
    assert found(organizer, **mine) == found(host, **mine) == ["Тайна"]
    assert found(guest, **mine) == found(stranger, **mine) == []
    assert server.client.get("/events", params=mine).json()["events"] == []
    status = {"status": event["status"]}
    assert found(organizer, **mine, **status) == ["Тайна"]
    assert found(stranger, **mine, **status) == []
    assert found(organizer, **mine, status="cancelled") == []


def test_an_event_is_listed_once_however_many_reasons_there_are(server: Server) -> None:
    user = server.sign_up()
    user.create_event(title="Мой")
    assert found(user) == ["Мой"]
    assert found(user, status="published") == ["Мой"]


def test_cancelled_events_are_listed_when_asked_for(server: Server) -> None:
    user, stranger = server.sign_up(), server.sign_up()
    event = user.create_event(title="Отменён")
    user.post(f"/events/{event['id']}/cancel")
    assert found(stranger, organizer_id=user.id) == []
    assert found(stranger, organizer_id=user.id, status="cancelled") == ["Отменён"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=WzFd", "cursor"),
        ("status=open", "status"),
        ("from=tomorrow", "from"),
        ("to=2090-01-01T00:00:00", "to"),
        ("q=" + "x" * 201, "q"),
        ("q=%00", "q"),
    ],
)
def test_a_query_out_of_form_is_422(server: Server, query: str, field: str) -> None:
    problem = check_problem(server.client.get(f"/events?{query}"), 422, "validation_failed")
    assert [fault["field"] for fault in problem["errors"]] == [field]


def test_a_short_page_shows_the_newest_state(server: Server) -> None:
    """It is kept until something changes, also by somebody else."""
    host = server.sign_up()
    end = "2171-03-04T20:00:00Z"
    query = "/events?limit=20&from=2171-03-04T00:00:00Z&to=2171-03-05T00:00:00Z"
    expected: list[str] = []
    for number in range(3):
        pages = [server.client.get(query).json() for _ in range(2)]
        assert pages[0] == pages[1]
        assert [event["title"] for event in pages[0]["events"]] == expected
        event = host.create_event(title=f"Tea {number}", start_time=f"2171-03-04T1{number}:00:00Z", end_time=end)
        assert server.client.get(query).json()["as_of"] > pages[0]["as_of"]
        host.patch(f"/events/{event['id']}", json={"title": f"Cake {number}", "location": "Here"})
        expected.append(f"Cake {number}")
    host.patch(f"/events/{event['id']}", json={"visibility": "private"})
    assert [event["title"] for event in server.client.get(query).json()["events"]] == expected[:2]
    assert [event["title"] for event in host.get(query).json()["events"]] == expected
    assert {event["role"] for event in host.get(query).json()["events"]} == {"organizer"}
    assert {event["role"] for event in server.client.get(query).json()["events"]} == {None}


def test_a_frequent_phrase_and_a_rare_one_find_the_same_pages(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    user = server.sign_up()
    for day in (3, 1, 2):
        user.create_event(
            title="Редкостный", start_time=f"2090-06-0{day}T10:00:00Z", end_time=f"2090-06-0{day}T11:00:00Z"
        )
    asked: dict[str, Any] = {"q": "редкостн", "limit": 2}
    pages = []
    for rare in (0, 500):
        monkeypatch.setattr("eventorg.repositories.event_search.MAX_RARE", rare)
        first = user.get("/events", params=asked).json()
        second = user.get("/events", params=asked | {"cursor": first["next"]}).json()
        pages.append([[event["start_time"][:10] for event in page["events"]] for page in (first, second)])
    assert pages == [[["2090-06-01", "2090-06-02"], ["2090-06-03"]]] * 2
