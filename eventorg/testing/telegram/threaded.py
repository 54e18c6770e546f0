"""The fake for tests that are not asynchronous: it lives on a loop in a thread."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.fake import FakeTelegram
from eventorg.testing.telegram.messages import Message
from eventorg.testing.telegram.people import Person


class Blocking:
    """A fake, a chat, a person, or a message whose methods run on the fake's loop and return when they are done."""

    def __init__(self, inner: object, loop: asyncio.AbstractEventLoop) -> None:
        self._inner = inner
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._method(value) if inspect.ismethod(value) else self._wrapped(value)

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("_inner", "_loop"):
            super().__setattr__(name, value)
        else:
            setattr(self._inner, name, _plain(value))

    def __eq__(self, other: object) -> bool:
        return self._inner is _plain(other)

    def __hash__(self) -> int:
        return hash(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)

    def _method(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def act(*arguments: Any, **named: Any) -> Any:
            result = method(*arguments, **named)
            return await result if inspect.isawaitable(result) else result

        def call(*arguments: Any, **named: Any) -> Any:
            plain = [_plain(one) for one in arguments]
            work = act(*plain, **{name: _plain(one) for name, one in named.items()})
            return self._wrapped(asyncio.run_coroutine_threadsafe(work, self._loop).result())

        return call

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, Chat | Message | Person):
            return Blocking(value, self._loop)
        if isinstance(value, list) and value and isinstance(value[0], Message):
            return [Blocking(one, self._loop) for one in value]
        return value


def _plain(value: Any) -> Any:
    return value._inner if isinstance(value, Blocking) else value  # noqa: SLF001 - its own


@contextmanager
def running_fake(*arguments: Any, **options: Any) -> Iterator[Any]:
    """Runs a `FakeTelegram` in a thread until the block ends. The arguments are those of `FakeTelegram`.

    The value has the same methods, and they return when they are done:

        with running_fake() as tg:
            anna = tg.person("Anna")
            anna.say(None, "/start")
            answer = anna.chat.wait_for(lambda message: "Hello" in message.text)

    A function that you pass, such as that one, gets the message itself, on the fake's loop.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake-telegram")
    thread.start()

    async def stop(tg: FakeTelegram) -> None:
        await tg.__aexit__()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    tg = FakeTelegram(*arguments, **options)
    try:
        run(tg.__aenter__())
        try:
            yield Blocking(tg, loop)
        finally:
            run(stop(tg))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
