"""/events/{event_id}/card: an event as a chat message."""

from typing import Annotated
from zlib import crc32

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from eventorg.extensions.card_lines import CardLines
from eventorg.locales import find_language
from eventorg.locales.cards import Card, make_card
from eventorg.web.authentication import ANY_BOT_SECURITY, BY_ANY_BOT, Authenticated
from eventorg.web.conditional import ETAG, answer_unless_current
from eventorg.web.headers import language_for
from eventorg.web.problems import problems


class CardController(Controller):
    """The card of one event."""

    path = "/events/{event_id:str}/card"
    tags = ("registrations",)

    @get(
        operation_id="get_card",
        summary="Get an event card",
        opt=BY_ANY_BOT,
        security=ANY_BOT_SECURITY,
        response_headers=ETAG,
        responses=problems(401, 404, 422),
    )
    async def get_card(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        card_lines: NamedDependency[CardLines],
        names: Annotated[int, QueryParameter(ge=0, le=100, description="Maximum number of names.")] = 20,
        locale: Annotated[
            str | None,
            QueryParameter(
                description="`ru` or `en`. For other values: the best match for `Accept-Language`.", max_length=35
            ),
        ] = None,
    ) -> Response[Card]:
        """Returns the event's participant counts, names, and times, and a message that a bot can send.

        A bot can call this without `X-Act-As` for an event that is public or unlisted. Names are on the card only if
        `participants_visibility` is `everyone`, because everyone in the chat reads it.

        Times are in the event's time zone. The message has at most 4,096 UTF-16 code units, Telegram's limit. It shows
        names only if everyone may read them.

        The `ETag` stands for this language and number of names, and `card_etag` for the event. Edit your message if it
        has changed.
        """
        language = find_language(locale or "") or language_for(request.scope)
        data, lines = await card_lines.get(event_id, names, request.user, language)
        shown = crc32(repr([*lines, *(each.name for each in data.parties)]).encode())  # people change their names
        tag = f'"{data.etag}-{language}-{names}-{shown:x}"'
        return answer_unless_current(make_card(data, language, lines), tag, request)
