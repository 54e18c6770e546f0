"""`eventorg deploy` and `eventorg health`: commands for running the server in production."""

from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import click

from eventorg.errors import OperatorError
from eventorg.settings import load

EXAMPLES = (
    "Caddyfile",
    "Caddyfile.organizations",
    "eventorg.service",
    "eventorg@.service",
    "litestream.yml",
    "nginx.conf",
)
_FOLDER = Path(__file__).parents[1] / "deploy"
_SECONDS = 8
_EVERYWHERE = {str(IPv4Address(0)): "127.0.0.1", str(IPv6Address(0)): "::1"}
"""The address to ask when the server listens on every address."""


@click.command()
@click.argument("name", type=click.Choice(EXAMPLES))
def deploy(name: str) -> None:
    """Print an example configuration file for deployment. The files are a systemd unit, a site for nginx or Caddy, the
    same for several organizations on one machine, and a Litestream configuration.

    Example: eventorg deploy eventorg.service > /etc/systemd/system/eventorg.service
    """
    click.echo((_FOLDER / name).read_text(encoding="utf-8"), nl=False)


@click.command()
def health() -> None:
    """Check that the server is running and healthy. The command sends a request to EVENTORG_HOST and EVENTORG_PORT. The
    exit status is 1 if the server is not healthy.

    Example: eventorg health
    """
    settings = load()
    first = settings.hosts[0]
    host = _EVERYWHERE.get(first, first)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/health"
    try:
        with closing(HTTPConnection(host, settings.port, timeout=_SECONDS)) as connection:
            connection.request("GET", "/health")
            status = connection.getresponse().status
    except (OSError, HTTPException, UnicodeError) as error:  # UnicodeError: no possible host
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise OperatorError(f"No response from {url}: {reason}.") from None
    if status != HTTPStatus.OK:
        raise OperatorError(f"The server is not healthy: {url} returned {status}.")
    click.echo("ok")
