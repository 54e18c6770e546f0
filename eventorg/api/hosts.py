"""/events/{event_id}/hosts: the organizer and the co-hosts of an event."""

from typing import Final

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import structs

from eventorg.domain.hosts import Host, Hosts, NewHost
from eventorg.repositories.hosts import HostRepository, Place
from eventorg.web.authentication import Authenticated
from eventorg.web.conditional import ETAG, expected_versions, tagged
from eventorg.web.idempotency import once_of
from eventorg.web.messages import Done, done
from eventorg.web.pagination import Cursor, Expand, LimitOrAll, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems

Repository = NamedDependency[HostRepository]
FIRST: Final[Place] = (-1, "", "")
ADDED_BEFORE = ResponseSpec(
    Host, generate_examples=False, description="The user is already a co-host. Returns the same host."
)


class HostController(Controller):
    """The hosts of one event."""

    path = "/events/{event_id:str}/hosts"
    tags = ("hosts",)

    @get(operation_id="list_hosts", summary="List hosts", responses=problems(401, 404, 422))
    async def list_hosts(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        hosts: Repository,
        limit: LimitOrAll = None,
        cursor: Cursor = None,
        expand: Expand = None,
    ) -> Hosts:
        """Lists the organizer first, then the co-hosts in the order in which they were added: all of them, unless you
        give a `limit`."""
        after = decode_cursor(cursor, Place) or FIRST
        found, last = await hosts.find(event_id, after, limit, request.user, with_users=expand == "user")
        return structs.replace(found, next=encode_cursor(last)) if last else found

    @post(
        operation_id="add_host",
        summary="Add a co-host",
        response_headers=ETAG,
        responses={200: ADDED_BEFORE}
        | problems(
            *BODY_PROBLEMS,
            401,
            codes={
                403: ["forbidden", "blocked"],
                404: ["event_not_found", "user_not_found"],
                409: ["already_organizer", "too_many_pending_hosts"],
            },
        ),
    )
    async def add_host(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[NewHost], hosts: Repository
    ) -> Response[Host]:
        """Makes a user a co-host. Only the organizer can do this.

        A co-host can do everything that the organizer can, except delete the event and add co-hosts. If the user is
        a co-host already, the response is 200 with the same host. If you block the user, or the user blocks you, the
        response is 403 `blocked`.

        Within 30 days you can give 100 roles, and 20 to the same user, to people who have not acted as co-host of one
        of your events: changed it, checked someone in, or removed someone. More is 409 `too_many_pending_hosts`.
        """
        host, is_new = await hosts.add(event_id, data, request.user, once_of(request))
        return tagged(host, status_code=201 if is_new else 200)

    @delete(
        "/{user_id:str}",
        operation_id="remove_host",
        summary="Remove a co-host",
        status_code=200,
        responses=problems(401, 403, 412, 507, codes={404: ["event_not_found", "host_not_found"]}),
    )
    async def remove_host(
        self, request: Authenticated, event_id: FromPath[str], user_id: FromPath[str], hosts: Repository
    ) -> Done:
        """Removes a co-host from the event. Only the organizer and that co-host, who can use `me`, can do this."""
        await hosts.remove(event_id, request.user.resolve(user_id), expected_versions(request), request.user)
        return done(request, "host_removed")
