"""Serves the fake alone: `python -m eventorg.testing.telegram --port 8081`."""

import asyncio
from contextlib import suppress

import click

from eventorg.testing.telegram.fake import TOKEN, FakeTelegram


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8081, show_default=True, help="Port to listen on. 0 takes a free one.")
@click.option("--token", default=TOKEN, show_default=True, help="Token of the bot.")
def main(host: str, port: int, token: str) -> None:
    """Serve a small Telegram until Ctrl-C. People act by POST /test/<verb>.

    Prints the URL and the token.
    """

    async def serve() -> None:
        async with FakeTelegram(token, host=host, port=port) as tg:
            click.echo(f"{tg.url} {tg.token}")
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
