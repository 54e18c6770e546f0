"""The ASGI application for a server of your choice; `python app.py` is `eventorg serve`."""

from litestar import Litestar

from eventorg.cli import main


def create_app() -> Litestar:
    """The application with the settings of the environment (`uvicorn --factory app:create_app`)."""
    from eventorg.application import create_app as build
    from eventorg.settings import load

    return build(load())


if __name__ == "__main__":
    main(["serve"])
