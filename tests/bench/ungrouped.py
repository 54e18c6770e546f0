"""eventorg without group commit: each write has its own commit."""

from eventorg.cli import main
from eventorg.storage import database

if __name__ == "__main__":
    database.MAX_GROUP = 1
    main()
