"""Notes on events: users add one line each, and everybody who may see the event can read them."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import click
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eventorg.plugin import (
    BODY_PROBLEMS,
    Authenticated,
    Conflict,
    Context,
    Fact,
    Id,
    Input,
    Instant,
    Job,
    Plugin,
    RegistrationCancelled,
    RunCommand,
    Transaction,
    problems,
    rfc3339,
    text,
)

HERE = Path(__file__).parent
NOTES_FULL = {
    "ru": "На мероприятии уже максимум заметок.",
    "en": "The event already has the maximum number of notes.",
}


class Settings(Struct, frozen=True):
    """Read from `EVENTORG_EXAMPLE_MOST` and `EVENTORG_EXAMPLE_DAYS`."""

    most: Annotated[int, Meta(ge=1)] = 100
    days: Annotated[int, Meta(ge=1)] = 30


class NewNote(Input):
    """The body of a request that adds a note."""

    text: Annotated[str, text(1, 200, example="I bring a cake.", description="One line of text.")]


class Note(Struct, frozen=True):
    """A note in a response."""

    event_id: Annotated[Id, Meta(description="The event's ID.")]
    user_id: Annotated[Id, Meta(description="The ID of the user who wrote the note.")]
    text: Annotated[str, Meta(description="The note.")]
    created_at: Annotated[Instant, Meta(description="The time of creation, in UTC.")]


class Notes(Struct, frozen=True):
    """The notes on an event."""

    notes: Annotated[list[Note], Meta(description="The notes in the order of creation.")]


@post(
    "/events/{event_id:str}/example",
    operation_id="create_example_note",
    summary="Add a note to an event",
    responses=problems(*BODY_PROBLEMS, 401, 404, codes={409: ["notes_full"]}),
)
async def create_note(
    request: Authenticated, event_id: FromPath[str], data: JSONBody[NewNote], plugin: NamedDependency[Context]
) -> Note:
    """Adds a note to an event that you may see. With an `Idempotency-Key`, it is added only once."""

    def work(tx: Transaction) -> Note:
        event, _ = plugin.load_event(tx, event_id, request.user.user_id)
        if len(tx.all(plugin.sql.list_notes, event_id=event.id)) >= plugin.settings.most:
            raise Conflict("notes_full", **NOTES_FULL)
        values = {"event_id": event.id, "user_id": request.user.user_id, "text": data.text}
        row = tx.row(plugin.sql.create_note, **values, now=tx.now)
        return Note(**row)

    return await plugin.write_once(request.user, Note, work)


@get(
    "/events/{event_id:str}/example",
    operation_id="list_example_notes",
    summary="List notes on an event",
    responses=problems(401, 404),
)
async def list_notes(request: Authenticated, event_id: FromPath[str], plugin: NamedDependency[Context]) -> Notes:
    """Lists the notes on an event in the order of creation."""

    def work(tx: Transaction) -> Notes:
        event, _ = plugin.load_event(tx, event_id, request.user.user_id)
        return Notes([Note(**row) for row in tx.all(plugin.sql.list_notes, event_id=event.id)])

    return await plugin.read(work)


def export_notes(user_id: str, context: Context, tx: Transaction) -> Notes:
    """Returns all notes of a user."""
    return Notes([Note(**row) for row in tx.all(context.sql.list_notes_of_user, user_id=user_id)])


async def forget_notes_of_leaver(fact: RegistrationCancelled, context: Context) -> None:
    """Deletes a user's notes on an event that the user has left."""
    await context.write(
        lambda tx: tx.run(context.sql.delete_notes_of_user, event_id=fact.event_id, user_id=fact.user_id)
    )


def select_events_with_notes(facts: Sequence[Fact], context: Context, tx: Transaction) -> list[Fact]:
    """Returns the facts of events that have notes. The others need nothing."""
    return [fact for fact in facts if tx.one(context.sql.find_note, event_id=fact.event_id) is not None]


async def forget_old_notes(context: Context) -> None:
    """Deletes the notes on events that ended more than `days` days ago."""
    before = rfc3339(context.clock() - timedelta(days=context.settings.days))
    deleted = await context.write(lambda tx: tx.run(context.sql.delete_old_notes, before=before))
    context.log.info("old_notes_deleted", count=deleted)


@click.command()
@click.pass_obj
def count(run: RunCommand) -> None:
    """Print the number of notes.

    Example: eventorg example count
    """

    async def count_notes(context: Context) -> int:
        row = await context.read(lambda tx: tx.row(context.sql.count_notes))
        return int(row["notes"])

    click.echo(run(count_notes))


plugin = Plugin(
    name="example",
    requires=">=0.1",
    routes=[create_note, list_notes],
    on={RegistrationCancelled: forget_notes_of_leaver},
    filter=select_events_with_notes,
    export=export_notes,
    problems={"notes_full": NOTES_FULL},
    jobs=[Job(name="forget_old_notes", every=timedelta(days=1), run=forget_old_notes)],
    settings=Settings,
    statements=HERE / "sql",
    migrations=HERE / "migrations",
    commands=[count],
)
