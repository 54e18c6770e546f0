"""`eventorg deploy` and `eventorg health`: what helps to run the server for real."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import click
import httpx

from eventorg.errors import OperatorError
from eventorg.settings import load

EXAMPLES = ("Caddyfile", "eventorg.service", "litestream.yml", "nginx.conf")
_FOLDER = Path(__file__).parents[1] / "deploy"
_SECONDS = 8
_EVERYWHERE = {str(IPv4Address(0)): "127.0.0.1", str(IPv6Address(0)): "::1"}
"""Where a server that listens on every address is asked."""


@click.command()
@click.argument("name", type=click.Choice(EXAMPLES))
def deploy(name: str) -> None:
    """Print the file NAME to begin with: a unit for systemd, a site for nginx or Caddy, a copy by Litestream.

    Example: eventorg deploy eventorg.service > /etc/systemd/system/eventorg.service
    """
    click.echo((_FOLDER / name).read_text(encoding="utf-8"), nl=False)


@click.command()
def health() -> None:
    """Ask the server of these settings whether it can serve; exit status 1 if not.

    Example: eventorg health
    """
    settings = load()
    host = _EVERYWHERE.get(settings.host, settings.host)
    url = httpx.URL(scheme="http", host=host, port=settings.port, path="/health")
    try:
        answer = httpx.get(url, timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        raise OperatorError(f"{url} does not answer: {str(error) or type(error).__name__}.") from None
    if answer.status_code != httpx.codes.OK:
        raise OperatorError(f"{url} answers {answer.status_code}: it cannot serve.")
    click.echo("ok")
