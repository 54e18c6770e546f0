"""The export of all data about a user."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from eventorg.domain.account_mails import KeptAccountCode, KeptAccountMail
from eventorg.domain.blocks import Block
from eventorg.domain.deliveries import KeptDelivery
from eventorg.domain.events import Event
from eventorg.domain.facts import Change
from eventorg.domain.identities import TelegramIdentity
from eventorg.domain.registrations import CancelledBy, Registration
from eventorg.domain.rsvps import KeptAnswer
from eventorg.domain.users import User
from eventorg.domain.values import instant


class LoggedChange(Change, kw_only=True, frozen=True):
    """A change, with the bot through which the user made it, if any."""

    bot: Annotated[str | None, Meta(description="The name of the bot.", examples=["my-bot"])]


class StoredRegistration(Registration, kw_only=True, frozen=True):
    """A registration, and the party that cancelled it, if it is cancelled."""

    cancelled_by: Annotated[
        CancelledBy | None, Meta(description="The party that cancelled the registration. `null` unless cancelled.")
    ]


class IdempotentRequest(Struct, kw_only=True, frozen=True):
    """A request with an `Idempotency-Key`."""

    key: Annotated[str, Meta(description="The key.", examples=["3f1c9a"])]
    at: Annotated[str, instant("The time of the request, in UTC.")]
    result: Annotated[str | None, Meta(description="The stored result, as JSON text. `null` for an error.")]
    refusal: Annotated[str | None, Meta(description="The stored problem document, as JSON text, if it failed.")]


class EndedLogin(Struct, kw_only=True, frozen=True):
    """A login that the user ended before its token expired."""

    token_id: Annotated[str, Meta(description="The ID in the token (`jti`).", examples=["k3J9cQ1xV0aZbT7m"])]
    expires_at: Annotated[str, instant("The time when the token expires, in UTC.")]


class Export(Struct, kw_only=True, frozen=True):
    """All data about a user."""

    exported_at: Annotated[str, instant("The time of the export, in UTC.")]
    user: Annotated[User, Meta(description="The account.")]
    telegram: Annotated[TelegramIdentity | None, Meta(description="The linked Telegram account.")]
    events: Annotated[list[Event], Meta(description="The events that the user organizes or co-hosts.")]
    registrations: Annotated[list[StoredRegistration], Meta(description="All registrations, with cancelled ones.")]
    blocks: Annotated[list[Block], Meta(description="The users whom the user blocks.")]
    rsvps: Annotated[list[KeptAnswer], Meta(description="The answers `maybe` and `declined`.")]
    changes: Annotated[
        list[LoggedChange], Meta(description="Changes that name the user, or that the user made or was told last.")
    ]
    requests: Annotated[
        list[IdempotentRequest], Meta(description="Requests of the last 24 hours with an idempotency key.")
    ]
    deliveries: Annotated[
        list[KeptDelivery], Meta(description="The stored messages to the user, in the order of creation.")
    ] = []
    account_mails: Annotated[
        list[KeptAccountMail], Meta(description="The mails with a code of the last hour, in the order of creation.")
    ] = []
    account_codes: Annotated[
        list[KeptAccountCode], Meta(description="The codes that still work, without the codes themselves.")
    ] = []
    ended_logins: Annotated[
        list[EndedLogin], Meta(description="The logins that the user ended, until their tokens expire.")
    ] = []
    plugins: Annotated[dict[str, Any], Meta(description="The data of each plugin, by its name.", examples=[{}])] = {}
    incomplete: Annotated[
        list[str], Meta(description="Plugins that failed to export their data. Try again later.", examples=[[]])
    ] = []
