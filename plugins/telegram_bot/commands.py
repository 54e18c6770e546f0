"""The commands `eventorg telegram …`."""

import click

COMMANDS: list[click.Command] = []
