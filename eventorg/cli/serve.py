"""`eventorg serve` and `eventorg openapi`: the commands that build the whole application."""

import json

import click

from eventorg.application import create_app
from eventorg.serving.server import serve as run_server
from eventorg.settings import load


@click.command()
def serve() -> None:
    """Run the server until SIGTERM or Ctrl-C. The first start creates the database.

    Example: EVENTORG_PORT=8080 eventorg serve
    """
    run_server(load())


@click.command()
def openapi() -> None:
    """Print the OpenAPI document, as served at /openapi.json.

    Example: eventorg openapi > openapi.json
    """
    document = create_app(load()).openapi_schema.to_schema()
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
