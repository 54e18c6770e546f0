"""Messages as people see them, with their buttons."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventorg.testing.telegram.errors import Json

if TYPE_CHECKING:
    from eventorg.testing.telegram.chats import Chat


@dataclass(eq=False)
class Message:
    """A message. `versions` are the texts it has had, with their times on the clock `time.monotonic`."""

    chat: "Chat"
    message_id: int
    sender: Json
    text: str = ""
    """The text, or the caption of a document or photo, without markup."""
    entities: list[Json] = field(default_factory=list)
    markup: Json | None = None
    date: int = 0
    edit_date: int | None = None
    media: Json = field(default_factory=dict)
    """A document or a photo: `{"document": …}`."""
    reply_to: "Message | None" = None
    service: Json = field(default_factory=dict)
    """The other fields, such as `location`, `contact`, `new_chat_members`, and `via_bot`."""
    inline_message_id: str | None = None
    deleted: bool = False
    versions: list[tuple[float, str]] = field(default_factory=list)

    @property
    def document(self) -> Json | None:
        """The document of this message: `file_id`, `file_name`, `mime_type`, and `file_size`."""
        return self.media.get("document")

    @property
    def caption(self) -> str | None:
        """The caption of a document or photo."""
        return self.text or None if self.media else None

    @property
    def buttons(self) -> list[Json]:
        """The buttons below the message, row after row."""
        return [button for row in (self.markup or {}).get("inline_keyboard", []) for button in row]

    @property
    def keys(self) -> list[Json]:
        """The buttons that the message puts in the place of the keyboard, row after row."""
        rows = (self.markup or {}).get("keyboard", [])
        return [{"text": key} if isinstance(key, str) else key for row in rows for key in row]

    def button(self, wanted: str) -> Json:
        """Returns the button with this data or text, else the first with this in its text. Raises `LookupError`."""
        for one in self.buttons:
            if wanted in (one.get("callback_data"), one["text"]):
                return one
        for one in self.buttons:
            if wanted in one["text"]:
                return one
        raise LookupError(f"no button {wanted!r} among {[one['text'] for one in self.buttons]}")

    def json(self, deep: bool = True) -> Json:
        """Returns the message as the bot gets it; if `deep`, with the message that it replies to."""
        shown: Json = {"message_id": self.message_id, "from": self.sender, "chat": self.chat.json(), "date": self.date}
        if self.text:
            shown["caption" if self.media else "text"] = self.text
        if self.entities:
            shown["caption_entities" if self.media else "entities"] = self.entities
        if self.markup and "inline_keyboard" in self.markup:
            shown["reply_markup"] = self.markup
        if self.edit_date:
            shown["edit_date"] = self.edit_date
        if self.reply_to and deep:
            shown["reply_to_message"] = self.reply_to.json(deep=False)
        return shown | self.media | self.service
