"""/users/me/email-verification: proves the address of the caller with a code from a mail."""

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from eventorg.domain.account_mails import EmailConfirmation
from eventorg.domain.idempotency import is_replay
from eventorg.repositories.account_mails import AccountMailRepository
from eventorg.security.rate_limiter import network_of
from eventorg.security.sign_up_limit import SignUpLimit
from eventorg.web.authentication import Authenticated
from eventorg.web.idempotency import once_of
from eventorg.web.messages import Done, done
from eventorg.web.problems import BODY_PROBLEMS, problems

Mails = NamedDependency[AccountMailRepository]


class EmailVerificationController(Controller):
    """The verification of email addresses. It needs a mail server."""

    path = "/users/me/email-verification"
    tags = ("users",)

    @post(
        operation_id="request_email_verification",
        summary="Request a code to verify your email address",
        status_code=202,
        responses=problems(401, 507, codes={409: ["mail_not_configured", "email_missing"]}),
    )
    async def request_email_verification(
        self, request: Authenticated, account_mails: Mails, mail_limit: NamedDependency[SignUpLimit]
    ) -> Done:
        """Sends a mail with a one-time code to your address. The code stands alone on a line and works for one hour.

        Messages by mail go only to verified addresses. An address gets at most 5 such mails an hour; more are 429.
        """
        account_mails.require_mail()
        once = once_of(request)
        if request.user.bot is None and not is_replay(once):
            mail_limit.take(network_of(request.client))
        await account_mails.ask_for_verification(request.user, once)
        return done(request, "email_verification_requested")

    @post(
        "/confirm",
        operation_id="confirm_email_verification",
        summary="Verify your email address with a code",
        status_code=204,
        responses=problems(*BODY_PROBLEMS, 401, codes={404: ["code_not_found"], 409: ["mail_not_configured"]}),
    )
    async def confirm_email_verification(
        self, request: Authenticated, data: JSONBody[EmailConfirmation], account_mails: Mails
    ) -> None:
        """Marks your address as verified. If you change the address, it is unverified again.

        A wrong, used, or expired code is 404 `code_not_found`.
        """
        account_mails.require_mail()
        await account_mails.verify_email(data.code, request.user, once_of(request))
