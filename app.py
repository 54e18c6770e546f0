"""The ASGI application, for the ASGI server of your choice. `python app.py` runs `eventorg serve`."""

import sys

from litestar import Litestar

from eventorg.cli import main


def create_app() -> Litestar:
    """Returns the application with the settings from the environment (`uvicorn --factory app:create_app`)."""
    from eventorg.application import create_app as build
    from eventorg.settings import load

    return build(load())


if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])
