"""Who runs an event."""

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.domain.events import Host, Hosts, NewHost
from eventorg.repositories.hosts import HostRepository
from eventorg.web.authentication import Authenticated
from eventorg.web.idempotency import once_of
from eventorg.web.messages import Done, done
from eventorg.web.problems import BODY_PROBLEMS, problems

Repository = NamedDependency[HostRepository]


class HostController(Controller):
    """The organizer and the co-hosts of one event."""

    path = "/events/{event_id:str}/hosts"
    tags = ("hosts",)

    @get(operation_id="list_hosts", summary="List who runs an event", responses=problems(401, 404))
    async def list_hosts(self, request: Authenticated, event_id: FromPath[str], hosts: Repository) -> Hosts:
        """The organizer first, then the co-hosts in the order they were added."""
        return await hosts.find(event_id, request.user)

    @post(
        operation_id="add_host",
        summary="Make somebody a co-host",
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409),
    )
    async def add_host(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[NewHost], hosts: Repository
    ) -> Response[Host]:
        """By the organizer. A co-host sees and changes the event as the organizer does, but cannot delete it or
        name others. Asked again, it answers 200 with the same one."""
        host, is_new = await hosts.add(event_id, data, request.user, once_of(request))
        return Response(host, status_code=201 if is_new else 200)

    @delete(
        "/{user_id:str}",
        operation_id="remove_host",
        summary="End a co-host's role",
        status_code=200,
        responses=problems(401, 403, 404, 507),
    )
    async def remove_host(
        self, request: Authenticated, event_id: FromPath[str], user_id: FromPath[str], hosts: Repository
    ) -> Done:
        """By the organizer, or by the co-host itself."""
        await hosts.remove(event_id, request.user.resolve(user_id), request.user)
        return done(request, "host_removed")
