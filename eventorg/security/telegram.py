"""Mini App logins: Telegram's data about a user, checked by Telegram's rules.

https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
"""

from datetime import UTC, datetime, timedelta

from init_data_py import InitData, parse, validate_by_hash, validate_by_signature
from init_data_py.errors import InvalidInitDataError
from msgspec import UNSET

from eventorg.domain.errors import Unauthenticated
from eventorg.domain.identities import MAX_TELEGRAM_ID, TelegramAccount
from eventorg.domain.text_rules import is_locale
from eventorg.domain.values import Clock
from eventorg.settings import Settings


class MiniAppLogin:
    """Checks init data with the bot's key, or with Telegram's public key if only the bot's ID is known."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        bot_id, _, self._key = settings.telegram_bot_token.partition(":")
        self._bot_id = settings.telegram_bot_id or int(bot_id or 0)
        self._max_age = timedelta(seconds=settings.telegram_max_age)
        self._max_ahead = timedelta(seconds=settings.telegram_max_ahead)
        self._clock = clock

    def check(self, init_data: str) -> tuple[int, TelegramAccount]:
        """Returns the ID and the data of the account that logs in.

        Raises `Unauthenticated`: `init_data_invalid`, or `init_data_expired` for data that was valid before.
        """
        try:
            data = self._verify(init_data)
        except (InvalidInitDataError, RecursionError, ValueError):
            raise Unauthenticated("init_data_invalid") from None
        age = self._clock() - datetime.fromtimestamp(data.auth_date, UTC)
        if age > self._max_age:
            raise Unauthenticated("init_data_expired")
        user = data.user
        if age < -self._max_ahead or user is None or user.is_bot or not 0 < user.id <= MAX_TELEGRAM_ID:
            raise Unauthenticated("init_data_invalid")
        locale = _text(user.language_code)
        return user.id, TelegramAccount(
            username=_text(user.username),
            first_name=_text(user.first_name),
            last_name=_text(user.last_name),
            locale=locale if locale and is_locale(locale) else UNSET,
        )

    def _verify(self, init_data: str) -> InitData:
        if self._key:
            try:
                return validate_by_hash(init_data, self._key, token_hashed=True, expires_in=None)
            except InvalidInitDataError:
                if parse(init_data).signature is None:
                    raise
        return validate_by_signature(init_data, self._bot_id, expires_in=None)


def _text(value: object) -> str | None:
    """Returns an optional field. A value of another type, which the library accepts, counts as missing."""
    return value if isinstance(value, str) else None
