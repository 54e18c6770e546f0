"""Django with Django Ninja, under gunicorn."""

from datetime import UTC, datetime
from typing import Literal

import jwt
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.db.models import F, Q
from django.http import HttpRequest, JsonResponse
from django.urls import path
from ninja import NinjaAPI, Query, Schema, Status
from ninja.errors import HttpError
from ninja.security import HttpBearer

from tests.bench.peers.django_models import Answer, Event, Registration, User

CLAIMS = ["exp", "iat", "sub", "iss", "aud", "jti"]


class EventOut(Schema):
    id: str
    code: str
    title: str
    description: str | None
    start_time: str
    end_time: str
    location: str | None
    organizer_id: str
    created_at: str
    updated_at: str
    timezone: str
    capacity: int | None
    waitlist: bool
    status: str
    visibility: str
    registered_count: int
    waitlisted_count: int
    version: int


class RegistrationOut(Schema):
    event_id: str
    user_id: str
    status: str
    registration_date: str
    waitlist_position: int | None = None


class ParticipantsOut(Schema):
    event_id: str
    participants: list[RegistrationOut]
    next: str | None = None
    as_of: int


class EventPageOut(Schema):
    events: list[EventOut]
    next: str | None
    as_of: int


class RsvpIn(Schema):
    answer: Literal["going", "maybe", "declined"]


class CountsOut(Schema):
    registered: int
    waitlisted: int
    maybe: int
    declined: int
    capacity: int | None


class RsvpOut(Schema):
    event_id: str
    user_id: str
    answer: str
    answered_at: str
    registration: RegistrationOut | None
    counts: CountsOut


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> str | None:
        try:
            claims = jwt.decode(
                token,
                settings.SECRET_KEY,
                algorithms=["HS256"],
                issuer="eventorg",
                audience="eventorg",
                options={"require": CLAIMS},
            )
        except jwt.InvalidTokenError:
            return None
        version = User.objects.filter(id=claims["sub"]).values_list("token_version", flat=True).first()
        return claims["sub"] if version == claims["ver"] else None


api = NinjaAPI(auth=Bearer(), docs_url=None, openapi_url=None)


def find_event(event_id: str) -> Event:
    event = Event.objects.filter(id=event_id).first()
    if event is None:
        raise HttpError(404, "event_not_found")
    return event


def get_last_change() -> int:
    with connection.cursor() as cursor:
        (seq,) = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
    return seq


@api.get("/events", response=EventPageOut)
def list_events(
    request: HttpRequest, start: str = Query("", alias="from"), limit: int = Query(100, ge=1, le=1000)
) -> dict:
    found = Event.objects.filter(visibility="public", status="published", start_time__gte=start)
    events = list(found.order_by("start_time", "id")[: limit + 1])
    last = events[limit - 1] if len(events) > limit else None
    following = f"{last.start_time},{last.id}" if last else None
    return {"events": events[:limit], "next": following, "as_of": get_last_change()}


@api.get("/events/{event_id}", response=EventOut)
def get_event(request: HttpRequest, event_id: str) -> Event:
    return find_event(event_id)


@api.get("/events/{event_id}/participants", response=ParticipantsOut)
def list_participants(request: HttpRequest, event_id: str) -> dict:
    find_event(event_id)
    participants = list(
        Registration.objects.filter(event_id=event_id)
        .exclude(status="cancelled")
        .order_by("seq")
        .values("event_id", "user_id", "status", "registration_date")
    )
    waiting = 0
    for participant in participants:
        if participant["status"] == "waitlisted":
            waiting += 1
            participant["waitlist_position"] = waiting
    return {"event_id": event_id, "participants": participants, "as_of": get_last_change()}


@api.post("/events/{event_id}/register", response={200: RegistrationOut, 201: RegistrationOut})
@transaction.atomic
def register(request: HttpRequest, event_id: str) -> Status:
    registration, is_new = enter(event_id, request.auth)
    return Status(201 if is_new else 200, registration)


@api.put("/events/{event_id}/rsvp", response=RsvpOut)
@transaction.atomic
def put_rsvp(request: HttpRequest, event_id: str, new: RsvpIn) -> dict:
    user_id, now = request.auth, utc_now()
    stored = Answer.objects.filter(event_id=event_id, user_id=user_id).first()
    registration = None
    if new.answer == "going":
        registration, _ = enter(event_id, user_id)
        if stored:
            stored.delete()
            count(event_id, **{stored.answer: -1})
    elif not stored or stored.answer != new.answer:
        if Registration.objects.filter(event_id=event_id, user_id=user_id).exists():
            raise HttpError(409, "registered")
        find_event(event_id)
        count(event_id, **{new.answer: 1} | ({stored.answer: -1} if stored else {}))
        kept = {"answer": new.answer, "answered_at": now}
        if stored:
            Answer.objects.filter(event_id=event_id, user_id=user_id).update(**kept)
        else:
            stored = Answer.objects.create(event_id=event_id, user_id=user_id, **kept)
    event = find_event(event_id)
    return {
        "event_id": event_id,
        "user_id": user_id,
        "answer": new.answer,
        "answered_at": registration.registration_date if registration else stored.answered_at,
        "registration": registration,
        "counts": {
            "registered": event.registered_count,
            "waitlisted": event.waitlisted_count,
            "maybe": event.maybe_count,
            "declined": event.declined_count,
            "capacity": event.capacity,
        },
    }


def count(event_id: str, **steps: int) -> None:
    """Adds to the counters of answers."""
    Event.objects.filter(id=event_id).update(
        **{f"{answer}_count": F(f"{answer}_count") + step for answer, step in steps.items()}
    )


def enter(event_id: str, user_id: str) -> tuple[Registration, bool]:
    """Returns the registration, and true if it is new."""
    before = Registration.objects.filter(event_id=event_id, user_id=user_id).first()
    if before is not None:
        return before, False
    event = find_event(event_id)
    now = utc_now()
    if event.status != "published" or event.end_time <= now:
        raise HttpError(409, "event_not_open")
    status = "registered"
    seat = Event.objects.filter(Q(capacity=None) | Q(registered_count__lt=F("capacity")), id=event_id)
    if not seat.update(registered_count=F("registered_count") + 1):
        if not event.waitlist:
            raise HttpError(409, "event_full")
        status = "waitlisted"
        Event.objects.filter(id=event_id).update(waitlisted_count=F("waitlisted_count") + 1)
    made = Registration.objects.create(event_id=event_id, user_id=user_id, status=status, registration_date=now)
    made.waitlist_position = event.waitlisted_count + 1 if status == "waitlisted" else None
    return made, True


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def get_health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [path("health", get_health), path("", api.urls)]
application = get_wsgi_application()
