"""/password-resets: a new password for a user who proves the address of the account with a code from a mail."""

from typing import Any

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from eventorg.domain.account_mails import NewPasswordReset, PasswordReset
from eventorg.repositories.account_mails import AccountMailRepository
from eventorg.security.rate_limiter import network_of
from eventorg.security.sign_up_limit import SignUpLimit
from eventorg.web.authentication import OPEN
from eventorg.web.messages import Done, done
from eventorg.web.problems import BODY_PROBLEMS, problems

Mails = NamedDependency[AccountMailRepository]


class PasswordResetController(Controller):
    """Password resets. They need a mail server."""

    path = "/password-resets"
    tags = ("users",)
    opt = OPEN
    security = ({},)

    @post(
        operation_id="create_password_reset",
        summary="Request a password reset",
        status_code=202,
        responses=problems(*BODY_PROBLEMS, codes={409: ["mail_not_configured"]}),
    )
    async def create_password_reset(
        self,
        request: Request[None, Any, Any],
        data: JSONBody[NewPasswordReset],
        account_mails: Mails,
        mail_limit: NamedDependency[SignUpLimit],
    ) -> Done:
        """Sends a mail with a one-time code to the address, if an account has it.

        The response is the same for an unknown address. The code stands alone on a line of the mail and works for one
        hour. An address gets at most 5 such mails an hour. It need not be verified: the code proves it.
        """
        account_mails.require_mail()
        mail_limit.take(network_of(request.client))
        await account_mails.ask_for_reset(data.email)
        return done(request, "password_reset_requested")

    @post(
        "/confirm",
        operation_id="confirm_password_reset",
        summary="Set a new password with a code",
        status_code=204,
        responses=problems(*BODY_PROBLEMS, codes={404: ["code_not_found"], 409: ["mail_not_configured"]}),
    )
    async def confirm_password_reset(self, data: JSONBody[PasswordReset], account_mails: Mails) -> None:
        """Sets the password, also of an account that had none, and ends all logins. The address is verified then.

        A wrong, used, or expired code is 404 `code_not_found`.
        """
        account_mails.require_mail()
        await account_mails.reset_password(data.code, data.password)
