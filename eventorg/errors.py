"""Errors that the operator can fix: the command prints one line on standard error and sets the exit status."""


class OperatorError(Exception):
    """Something that the operator can fix, with a sentence that says how. The command ends with `exit_status`."""

    exit_status = 1


class SettingError(OperatorError):
    """A setting has an invalid value. `field` is the name of its variable, `message` a sentence without a period."""

    exit_status = 2

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"Invalid setting {self.field}. {self.message}."


class UnknownSetting(SettingError):
    """No setting has this name. `similar` is a setting with a similar name, if there is one."""

    def __init__(self, field: str, similar: str | None = None) -> None:
        super().__init__(field, "Unknown setting")
        self.similar = similar

    def __str__(self) -> str:
        return f"Unknown setting {self.field}." + (f" Did you mean {self.similar}?" if self.similar else "")


class PluginError(OperatorError):
    """A plugin is invalid and is not loaded."""
