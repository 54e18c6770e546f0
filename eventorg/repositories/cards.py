"""Reads what the cards of events show."""

from eventorg.domain.callers import Caller
from eventorg.domain.cards import CardData, NamedParty, ParticipantCounts, card_etag
from eventorg.domain.events import Event, sees_names
from eventorg.domain.users import display_name
from eventorg.repositories.events import EventRepository
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class CardRepository:
    """The content of cards, for reading."""

    def __init__(self, sql: Statements, events: EventRepository) -> None:
        self._sql = sql
        self._events = events

    def load(self, tx: Transaction, event_id: str, limit: int, caller: Caller) -> CardData:
        """Returns an event with its counts and its first `limit` parties with seats. There are none if not everyone may
        read names.

        Raises `NotFound`.
        """
        return self._load(tx, self._events.load(tx, event_id, caller.user_id), limit)

    def load_for_all(self, tx: Transaction, event_id: str, limit: int) -> CardData:
        """Returns the same, whoever may see the event. Raises `NotFound`."""
        return self._load(tx, self._events.load_for_all(tx, event_id), limit)

    def _load(self, tx: Transaction, event: Event, limit: int) -> CardData:
        row = tx.row(self._sql.get_card_counts, event_id=event.id)
        counts = ParticipantCounts(
            registered=event.registered_count - row["attended"],
            waitlisted=event.waitlisted_count,
            attended=row["attended"],
            cancelled=row["cancelled"],
            guests=row["guests"],
            pending=event.pending_count,
            maybe=event.maybe_count,
            declined=event.declined_count,
        )
        are_shown = sees_names(event.participants_visibility, None)
        rows = tx.all(self._sql.list_first_names, event_id=event.id, limit=limit) if are_shown else []
        parties = [
            NamedParty(display_name(row["username"], row["first_name"], row["last_name"]), row["guests"])
            for row in rows
        ]
        return CardData(event, card_etag(event.id, row["card_version"]), counts, parties)
