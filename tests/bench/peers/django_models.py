"""Django's mapping of the tables."""

import django
from django.db import models

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
    maybe_count = models.IntegerField()
    declined_count = models.IntegerField()
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


class Answer(models.Model):
    """An answer that is not a registration."""

    pk = models.CompositePrimaryKey("event_id", "user_id")
    event_id = models.TextField()
    user_id = models.TextField()
    answer = models.TextField()
    answered_at = models.TextField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "rsvps"
