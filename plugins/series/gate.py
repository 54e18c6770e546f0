"""The gate: newcomers wait until the regulars of the event before are registered."""

from typing import Final

from eventorg.plugin import Asked, Context, ReadTransaction, Refusal

REGULARS_FIRST: Final = Refusal(
    "regulars_first",
    {
        "ru": "Сейчас записываются те, кто был в прошлый раз.",
        "en": "Those who came the last time are being registered.",
    },
    {"ru": "Повторите запрос через несколько секунд.", "en": "Send the request again in a few seconds."},
)


def check(asked: Asked, context: Context, tx: ReadTransaction) -> Refusal | None:
    """Refuses newcomers. The statement `is_carrying` says that there are regulars who are not registered yet."""
    return REGULARS_FIRST
