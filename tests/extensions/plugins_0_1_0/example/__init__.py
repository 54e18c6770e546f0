"""Notes that people leave on an event: one line each, for all who may see the event."""

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
    Happened,
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


class Settings(Struct, frozen=True):
    """Read from `EVENTORG_EXAMPLE_MOST` and `EVENTORG_EXAMPLE_DAYS`."""

    most: Annotated[int, Meta(ge=1)] = 100
    days: Annotated[int, Meta(ge=1)] = 30


class NewNote(Input):
    """What is sent to leave a note."""

    text: Annotated[str, text(1, 200, example="I bring a cake.")]


class Note(Struct, frozen=True):
    """A note as it is answered."""

    event_id: str
    user_id: str
    text: str
    created_at: Instant


class Notes(Struct, frozen=True):
    """The notes on an event."""

    notes: list[Note]


@post(
    "/events/{event_id:str}/example",
    operation_id="create_example_note",
    summary="Leave a note on an event",
    responses=problems(*BODY_PROBLEMS, 401, 404, 409),
)
async def create_note(
    request: Authenticated, event_id: FromPath[str], data: JSONBody[NewNote], plugin: NamedDependency[Context]
) -> Note:
    """For all who may see the event. With an `Idempotency-Key` it is left once, however often it is sent."""

    def work(tx: Transaction) -> Note:
        event, _ = plugin.load_event(tx, event_id, request.user.user_id)
        if len(tx.all(plugin.sql.list_notes, event_id=event.id)) >= plugin.settings.most:
            raise Conflict("notes_full", ru="Заметок уже слишком много.", en="There are too many notes already.")
        values = {"event_id": event.id, "user_id": request.user.user_id, "text": data.text}
        row = tx.row(plugin.sql.create_note, **values, now=tx.now)
        return Note(**row)

    return await plugin.write_once(request.user, Note, work)


@get(
    "/events/{event_id:str}/example",
    operation_id="list_example_notes",
    summary="List the notes on an event",
    responses=problems(401, 404),
)
async def list_notes(request: Authenticated, event_id: FromPath[str], plugin: NamedDependency[Context]) -> Notes:
    """In the order they were left."""

    def work(tx: Transaction) -> Notes:
        event, _ = plugin.load_event(tx, event_id, request.user.user_id)
        return Notes([Note(**row) for row in tx.all(plugin.sql.list_notes, event_id=event.id)])

    return await plugin.read(work)


def export_notes(user_id: str, context: Context, tx: Transaction) -> Notes:
    """All notes that a user has left."""
    return Notes([Note(**row) for row in tx.all(context.sql.list_notes_of_user, user_id=user_id)])


async def forget_notes_of_leaver(fact: RegistrationCancelled, context: Context) -> None:
    """Who leaves an event takes their notes along."""
    await context.write(
        lambda tx: tx.run(context.sql.delete_notes_of_user, event_id=fact.event_id, user_id=fact.user_id)
    )


def choose_events_with_notes(facts: Sequence[Happened], context: Context, tx: Transaction) -> list[Happened]:
    """Those of events that have notes: after the others there is nothing to do."""
    return [fact for fact in facts if tx.one(context.sql.find_note, event_id=fact.event_id) is not None]


async def forget_old_notes(context: Context) -> None:
    """Notes on events that have been over for so many days are deleted."""
    before = rfc3339(context.clock() - timedelta(days=context.settings.days))
    deleted = await context.write(lambda tx: tx.run(context.sql.delete_old_notes, before=before))
    context.log.info("old notes deleted", count=deleted)


@click.command()
@click.pass_obj
def count(run: RunCommand) -> None:
    """Print how many notes there are.

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
    choose=choose_events_with_notes,
    export=export_notes,
    jobs=[Job(name="forget_old_notes", every=timedelta(days=1), run=forget_old_notes)],
    settings=Settings,
    statements=HERE / "sql",
    migrations=HERE / "migrations",
    commands=[count],
)
