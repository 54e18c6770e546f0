"""Errors that the operator can fix: one sentence on standard error and an exit status, never a traceback."""


class OperatorError(Exception):
    """Something that the operator can fix, in one sentence. The command ends with `exit_status`."""

    exit_status = 1


class SettingError(OperatorError):
    """A setting is unknown or has a value that it cannot have."""

    exit_status = 2
