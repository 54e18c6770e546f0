"""Serves the fake alone: `python -m eventorg.testing.telegram --port 8081`."""

import asyncio
import signal

import click

from eventorg.testing.telegram import control
from eventorg.testing.telegram.fake import TOKEN, FakeTelegram


@click.command(epilog=(control.__doc__ or "").replace("\n\n    ", "\n\n\b\n    "))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8081, show_default=True, help="Port to listen on. 0 takes a free one.")
@click.option("--token", default=TOKEN, show_default=True, help="Token of the bot.")
def main(host: str, port: int, token: str) -> None:
    """Serve a small Telegram until Ctrl-C or SIGTERM, and print its URL and the token."""

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with FakeTelegram(token, host=host, port=port) as tg:
            click.echo(f"{tg.url} {tg.token}")
            await stop.wait()

    try:
        asyncio.run(serve())
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # without the address, which Python appends
        raise click.ClickException(f"Cannot listen on {host}:{port}: {reason}") from None


if __name__ == "__main__":
    main()
