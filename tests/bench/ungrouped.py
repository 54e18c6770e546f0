"""eventorg without group commit: each request that writes has a commit of its own, as is usual elsewhere."""

from eventorg.cli import main
from eventorg.storage import database

if __name__ == "__main__":
    database.MAX_GROUP = 1
    main()
