"""Calls eventorg's own API, in this process or over the network, for the people who use the bot."""

from collections import OrderedDict
from typing import Any, Final

import httpx

from .people import Person

_MAX_KNOWN: Final = 20_000
_UNKNOWN: Final = "identity_not_found"


class Problem(Exception):
    """A refusal of the API: its problem document, with texts in the language of the person."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        super().__init__(f"{status} {document.get('code', '')}")
        self.status = status
        self.code = str(document.get("code", "unreachable"))
        errors = document.get("errors") or [{}]
        self.text = str(errors[0].get("message") or document.get("detail") or document.get("title") or "")
        self.document = document

    @property
    def is_passing(self) -> bool:
        """True if the same call can succeed later."""
        return self.status in (0, 429) or self.status >= 500


class Api:
    """A client of the API. Every call that a person makes is made as this person (`X-Act-As`)."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._known: OrderedDict[int, tuple[str, Person]] = OrderedDict()

    async def get(self, path: str, person: Person | None = None, **params: Any) -> Any:
        """Returns what a path shows to a person, or to the bot. Raises `Problem`."""
        return await self.call("GET", path, person, params=params)

    async def call(
        self,
        method: str,
        path: str,
        person: Person | None = None,
        *,
        json: Any = None,
        key: str | None = None,
        params: dict[str, Any] | None = None,
        language: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Sends a request as a person, whose account is made at the first one, or as the bot. `key` makes it safe to
        send again (`Idempotency-Key`).

        Returns the JSON of the response, or its text if it is something else. Raises `Problem`.
        """
        sent = {"Accept-Language": language or (person.language if person else "en")} | (headers or {})
        if key is not None:
            sent["Idempotency-Key"] = key
        if person is not None:
            sent["X-Act-As"] = f"telegram:{person.id}"
        params = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            answer = await self._send(method, path, sent, json, params)
        except Problem as problem:
            if person is None or problem.code != _UNKNOWN or not person.is_here:
                raise
            await self._introduce(person, locale=person.language)
            return await self._send(method, path, sent, json, params)
        if person is not None and person.is_here and self._is_renamed(person):
            await self._introduce(person)
        return answer

    async def user_id(self, person: Person) -> str:
        """Returns the ID of a person's user, which is made if there is none. Raises `Problem`."""
        if person.id not in self._known:
            is_user = await self.find_user_id(person.id) is not None
            await self._introduce(person, locale=None if is_user else person.language)
        return self._known[person.id][0]

    async def find_user_id(self, telegram_id: int) -> str | None:
        """Returns the ID of the user of a Telegram account, or None if there is none. Raises `Problem`."""
        if telegram_id in self._known:
            return self._known[telegram_id][0]
        try:
            found = await self._send("GET", f"/identities/telegram/{telegram_id}", {}, None, {})
        except Problem as problem:
            if problem.code != _UNKNOWN:
                raise
            return None
        return str(found["id"])

    async def set_reachable(self, person: Person, *, reachable: bool) -> None:
        """Says whether the bot can write to a person. Raises `Problem`."""
        await self.user_id(person)
        await self._send("PUT", f"/identities/telegram/{person.id}", {}, {"reachable": reachable}, {})

    def forget(self, person: Person) -> None:
        """Forgets who a person is, because the account was deleted or linked."""
        self._known.pop(person.id, None)

    def _is_renamed(self, person: Person) -> bool:
        known = self._known.get(person.id)
        return known is None or known[1].names != person.names

    async def _introduce(self, person: Person, locale: str | None = None) -> None:
        """Makes the user of a Telegram account, or updates the name. The language is set once: people can change it."""
        body = person.names | ({"locale": locale} if locale else {})
        user = await self._send("PUT", f"/identities/telegram/{person.id}", {}, body, {})
        self._known[person.id] = user["id"], person
        self._known.move_to_end(person.id)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)

    async def _send(self, method: str, path: str, headers: dict[str, str], json: Any, params: dict[str, Any]) -> Any:
        try:
            response = await self._client.request(method, path, headers=headers, json=json, params=params)
        except httpx.HTTPError as error:
            raise Problem(0, {"code": "unreachable", "title": type(error).__name__}) from None
        kind = response.headers.get("content-type", "")
        if response.is_error:
            document = response.json() if kind == "application/problem+json" else {"title": response.reason_phrase}
            raise Problem(response.status_code, document)
        if not response.content:
            return None
        return response.json() if kind.partition(";")[0].endswith("json") else response.text
