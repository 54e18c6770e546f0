"""The routes for questions and answers."""

from typing import Annotated, Any

from litestar import Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    Authenticated,
    Context,
    Cursor,
    Limit,
    accepts,
    also_as,
    answer_unless_current,
    decode_cursor,
    expected_tags,
    problems,
)

from . import repository
from .answers import NewAnswers, OwnAnswers
from .participants import ParticipantAnswersPage, find_participant_answers, write_csv
from .questions import NewQuestion, Questions, tag_of

PluginContext = NamedDependency[Context]
Place = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the list of participants, in the range of SQLite's integers."""


@get(
    "/events/{event_id:str}/questions",
    operation_id="get_questions",
    response_headers=ETAG,
    summary="Get questions",
    responses=problems(401, 403, 404),
)
async def get_questions(request: Authenticated, event_id: FromPath[str], plugin: PluginContext) -> Response[Questions]:
    """Returns the questions that the event asks people who register. Everybody who may see the event can read them."""
    questions = await repository.get_questions(plugin, event_id, request.user)
    return answer_unless_current(questions, tag_of(questions), request)


@put(
    "/events/{event_id:str}/questions",
    operation_id="set_questions",
    response_headers=ETAG,
    summary="Set questions",
    responses=problems(*BODY_PROBLEMS, 401, 403, 404, 412),
)
async def set_questions(
    request: Authenticated, event_id: FromPath[str], data: JSONBody[list[NewQuestion]], plugin: PluginContext
) -> Response[Questions]:
    """Sets at most 20 questions, or `[]` for none. Only hosts can do this.

    Send the `id` of a question to keep it with its answers. An answer that does not fit its changed question is
    deleted, and so are the answers to questions that you leave out. People who are registered or waiting are not asked
    again.
    """
    questions = await repository.set_questions(plugin, event_id, data, expected_tags(request), request.user)
    return Response(questions, headers={"ETag": tag_of(questions)})


@get(
    "/events/{event_id:str}/answers",
    operation_id="get_my_answers",
    response_headers=ETAG,
    summary="Get your answers",
    responses=problems(401, 403, 404),
)
async def get_my_answers(
    request: Authenticated, event_id: FromPath[str], plugin: PluginContext
) -> Response[OwnAnswers]:
    """Returns your answers to the questions of an event."""
    answers = await repository.get_answers(plugin, event_id, request.user)
    return answer_unless_current(answers, tag_of(answers), request)


@put(
    "/events/{event_id:str}/answers",
    operation_id="set_my_answers",
    response_headers=ETAG,
    summary="Set your answers",
    responses=problems(*BODY_PROBLEMS, 401, 403, 404, 412, codes={409: ["event_over"]}),
)
async def set_my_answers(
    request: Authenticated, event_id: FromPath[str], data: JSONBody[NewAnswers], plugin: PluginContext
) -> Response[OwnAnswers]:
    """Replaces all your answers, until the event is over. Answers to required questions can be missing until you
    register. Your answers stay when you leave the event."""
    answers = await repository.set_answers(plugin, event_id, data, expected_tags(request), request.user)
    return Response(answers, headers={"ETag": tag_of(answers)})


@put(
    "/invitations/{code:str}/answers",
    operation_id="set_my_answers_by_invitation",
    response_headers=ETAG,
    summary="Set your answers before you accept an invitation",
    responses=problems(*BODY_PROBLEMS, 401, 403, 412, codes={404: ["invitation_not_found"], 409: ["event_over"]}),
)
async def set_my_answers_by_invitation(
    request: Authenticated, code: FromPath[str], data: JSONBody[NewAnswers], plugin: PluginContext
) -> Response[OwnAnswers]:
    """Does the same as `PUT /events/{event_id}/answers` for people who cannot see the event yet. It does not use the
    invitation up. The response to `POST /invitations/{code}/accept` without answers contains the questions."""
    answers = await repository.set_invited_answers(plugin, code, data, expected_tags(request), request.user)
    return Response(answers, headers={"ETag": tag_of(answers)})


@get(
    "/events/{event_id:str}/participants/answers",
    operation_id="list_participant_answers",
    summary="List the answers of participants",
    opt=also_as("text/csv"),
    responses=problems(401, 403, 404, 422),
)
async def list_participant_answers(
    request: Authenticated,
    event_id: FromPath[str],
    plugin: PluginContext,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response[ParticipantAnswersPage]:
    """Lists the answers of everybody who is registered, waiting, pending, or attended, in the order of registration.
    Only hosts can do this: the organizer and the co-hosts.

    With `Accept: text/csv`, the response is a CSV file with all participants: UTF-8 with a byte order mark, a header,
    and a row for each person. Choices are joined by `; `. A text that begins with `=`, `+`, `-`, `@`, a tab, or a
    carriage return has `'` before it, so that spreadsheets do not run it. `limit` and `cursor` do not apply.
    """
    after = decode_cursor(cursor, Place) or 0
    vary = {"Vary": "Accept"}
    if accepts(request.scope, "text/csv"):
        file: Any = await write_csv(plugin, event_id, request.user)
        named = {"Content-Disposition": 'attachment; filename="answers.csv"'}
        return Response(file, media_type="text/csv", headers=vary | named)
    return Response(await find_participant_answers(plugin, event_id, after, limit, request.user), headers=vary)


ROUTES = (
    get_questions,
    set_questions,
    get_my_answers,
    set_my_answers,
    set_my_answers_by_invitation,
    list_participant_answers,
)
