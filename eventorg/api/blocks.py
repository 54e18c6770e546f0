"""/users/{user_id}/blocks: the people who cannot register for the caller's events."""

from litestar import Controller, Response, delete, get, put
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from msgspec import structs

from eventorg.domain.blocks import Block, BlockPage
from eventorg.repositories.blocks import BlockRepository
from eventorg.web.authentication import Authenticated
from eventorg.web.conditional import ETAG, expected_versions, tagged
from eventorg.web.messages import Done, done
from eventorg.web.pagination import Cursor, Limit, decode_cursor, encode_cursor
from eventorg.web.problems import problems

Repository = NamedDependency[BlockRepository]
NEW = ResponseSpec(Block, generate_examples=False, description="The user was not blocked before.")


class BlockController(Controller):
    """The people whom the caller blocks."""

    path = "/users/{user_id:str}/blocks"
    tags = ("users",)

    @get(
        operation_id="list_blocks",
        summary="List blocked users",
        responses=problems(401, 403, 422, codes={404: ["user_not_found"]}),
    )
    async def list_blocks(
        self,
        request: Authenticated,
        user_id: FromPath[str],
        blocks: Repository,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> BlockPage:
        """Lists the people whom you block, by id. Nobody else can read this list."""
        after = decode_cursor(cursor, str) or ""
        page = await blocks.find(request.user.resolve(user_id), after, limit, request.user)
        return structs.replace(page, next=encode_cursor(page.next)) if page.next else page

    @put(
        "/{blocked_id:str}",
        operation_id="block_user",
        summary="Block a user",
        response_headers=ETAG,
        responses={201: NEW} | problems(401, 403, 412, 422, 507, codes={404: ["user_not_found"]}),
    )
    async def block_user(
        self, request: Authenticated, user_id: FromPath[str], blocked_id: FromPath[str], blocks: Repository
    ) -> Response[Block]:
        """Blocks a user (201). If the user is blocked already, the response is 200 and nothing changes.

        A blocked person cannot register for events that you organize or co-host, and cannot add you to an event or
        make you a co-host. Existing registrations stay.
        """
        ids = (request.user.resolve(user_id), request.user.resolve(blocked_id))
        block, is_new = await blocks.put(*ids, expected_versions(request), request.user)
        return tagged(block, status_code=201 if is_new else 200)

    @delete(
        "/{blocked_id:str}",
        operation_id="unblock_user",
        summary="Unblock a user",
        status_code=200,
        responses=problems(401, 403, 412, 507, codes={404: ["user_not_found", "block_not_found"]}),
    )
    async def unblock_user(
        self, request: Authenticated, user_id: FromPath[str], blocked_id: FromPath[str], blocks: Repository
    ) -> Done:
        """Ends a block. Returns 404 `block_not_found` if you do not block the user."""
        ids = (request.user.resolve(user_id), request.user.resolve(blocked_id))
        await blocks.delete(*ids, expected_versions(request), request.user)
        return done(request, "user_unblocked")
