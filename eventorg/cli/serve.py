"""`eventorg serve` and `eventorg openapi`: the commands that build the whole application."""

import json
import os

import click

from eventorg.application import create_app
from eventorg.serving.server import serve as run_server
from eventorg.settings import load


@click.command()
@click.option("--host", help="Address to listen on. Overrides EVENTORG_HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on. Overrides EVENTORG_PORT.")
def serve(host: str | None, port: int | None) -> None:
    """Run the server until SIGTERM or Ctrl-C. The first start creates the database.

    Example: eventorg serve --port 8080
    """
    given = {"EVENTORG_HOST": host or "", "EVENTORG_PORT": "" if port is None else str(port)}
    run_server(load(os.environ | {name: value for name, value in given.items() if value}))


@click.command()
def openapi() -> None:
    """Print the OpenAPI document, as served at /openapi.json.

    Example: eventorg openapi > openapi.json
    """
    document = create_app(load()).openapi_schema.to_schema()
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
