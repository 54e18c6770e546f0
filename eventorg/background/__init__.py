"""Background work: waking followers, deleting old rows, detecting commits of other processes."""
