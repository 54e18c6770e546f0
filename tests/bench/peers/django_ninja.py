"""Django with Django Ninja, under gunicorn."""

from datetime import UTC, datetime

import django
import jwt
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.http import HttpRequest, JsonResponse
from django.urls import path
from ninja import NinjaAPI, Schema, Status
from ninja.errors import HttpError
from ninja.security import HttpBearer

CLAIMS = ["exp", "iat", "sub", "iss", "aud", "jti"]

django.setup()


class User(models.Model):
    id = models.TextField(primary_key=True)
    token_version = models.IntegerField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "users"


class Event(models.Model):
    seq = models.AutoField(primary_key=True)
    id = models.TextField(unique=True)
    code = models.TextField()
    title = models.TextField()
    description = models.TextField(null=True)
    start_time = models.TextField()
    end_time = models.TextField()
    location = models.TextField(null=True)
    organizer_id = models.TextField()
    created_at = models.TextField()
    updated_at = models.TextField()
    timezone = models.TextField()
    capacity = models.IntegerField(null=True)
    waitlist = models.BooleanField()
    status = models.TextField()
    visibility = models.TextField()
    registered_count = models.IntegerField()
    waitlisted_count = models.IntegerField()
    version = models.IntegerField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "events"


class Registration(models.Model):
    seq = models.AutoField(primary_key=True)
    event_id = models.TextField()
    user_id = models.TextField()
    status = models.TextField()
    registration_date = models.TextField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "registrations"


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
    with connection.cursor() as cursor:
        (as_of,) = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
    return {"event_id": event_id, "participants": participants, "as_of": as_of}


@api.post("/events/{event_id}/register", response={200: RegistrationOut, 201: RegistrationOut})
@transaction.atomic
def register(request: HttpRequest, event_id: str) -> Status:
    user_id = request.auth
    before = Registration.objects.filter(event_id=event_id, user_id=user_id).first()
    if before is not None:
        return Status(200, before)
    event = find_event(event_id)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
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
    return Status(201, made)


def get_health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [path("health", get_health), path("", api.urls)]
application = get_wsgi_application()
