"""The types of fields that several structs share, each with what the API description says of it."""

from typing import Annotated

from msgspec import Meta

from eventorg.domain.values import identifier, instant, moment, text

EventId = Annotated[str, identifier("The event's ID.", "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11")]
UserId = Annotated[str, identifier("The user's ID.", "5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30")]
OrganizerId = Annotated[str, identifier("The organizer's user ID.", "5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30")]
CallerId = Annotated[
    str, identifier("The caller's user ID, which is also the default. Another ID is refused with 403.")
]

StartInstant = Annotated[str, instant("The start, in UTC.", "2027-09-15T10:00:00Z")]
EndInstant = Annotated[str, instant("The end, in UTC.", "2027-09-15T12:00:00Z")]
OpensAt = Annotated[str, instant("The time from which people can register, in UTC. `null`: at once.")]
OpensAtTime = Annotated[
    str,
    moment(
        "The time from which people can register: an RFC 3339 time with an offset. `null`: at once.",
        "2026-09-01T09:00:00+03:00",
    ),
]
ClosesAt = Annotated[str, instant("The time at which registration ends, in UTC. `null`: with the event.")]
ClosesAtTime = Annotated[
    str,
    moment(
        "The time at which registration ends: an RFC 3339 time with an offset. `null`: with the event.",
        "2027-09-14T18:00:00+03:00",
    ),
]
CreatedAt = Annotated[str, instant("The time of creation, in UTC.")]
UpdatedAt = Annotated[str, instant("The time of the last change, in UTC.")]

TelegramId = Annotated[int, Meta(description="Telegram's id of the account.", examples=[123456789])]
FirstName = Annotated[str, text(1, 100, example="Анна", description="The first name.")]
LastName = Annotated[str, text(1, 100, example="Смирнова", description="The last name.")]
Next = Annotated[str | None, Meta(description="The `cursor` of the next page. `null`: this is the last one.")]
AsOf = Annotated[
    int,
    Meta(
        description="The number of the last change when this page was read. Follow the list with "
        "`GET /changes?after=<as_of of the first page>`.",
        examples=[17],
    ),
]
