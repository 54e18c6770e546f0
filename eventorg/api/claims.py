"""Codes with which people whom a host added by name take their place over."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.domain.identities import Claim, LinkCode
from eventorg.domain.registrations import Registration
from eventorg.repositories.claims import ClaimRepository
from eventorg.web.authentication import Authenticated
from eventorg.web.conditional import ETAG, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.problems import BODY_PROBLEMS, problems

Claims = NamedDependency[ClaimRepository]


@post(
    "/events/{event_id:str}/participants/{user_id:str}/link-codes",
    operation_id="create_participant_code",
    summary="Create a code for a participant",
    tags=["registrations"],
    responses=problems(401, 403, 507, codes={404: ["event_not_found", "registration_not_found"], 409: ["has_account"]}),
)
async def create_participant_code(
    request: Authenticated, event_id: FromPath[str], user_id: FromPath[str], claims: Claims
) -> Response[LinkCode]:
    """Creates a code for somebody whom a host added by name. Only hosts can do this.

    With `POST /users/me/claims`, that person's own account takes the place over. The code works once, within 15
    minutes. A new code replaces the previous one.
    """
    code = await claims.create_code(event_id, request.user.resolve(user_id), request.user, once_of(request))
    return Response(code, headers={"Cache-Control": "no-store"})


@post(
    "/users/me/claims",
    operation_id="claim_place",
    summary="Take a place over",
    tags=["registrations"],
    status_code=200,
    response_headers=ETAG,
    responses=problems(*BODY_PROBLEMS, 401, codes={404: ["link_code_not_found", "event_not_found"]}),
)
async def claim_place(request: Authenticated, data: JSONBody[Claim], claims: Claims) -> Response[Registration]:
    """Gives you the place at an event that a host has kept for you by name, and returns your registration.

    The user with that name is deleted. If you are registered for the event too, the better status stays, with its
    guests: `attended`, then `registered`, `waitlisted`, `cancelled`.
    """
    return tagged(await claims.claim(data.code, request.user, once_of(request)))
