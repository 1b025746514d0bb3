"""Users, user groups, tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from tomgql.graphql.base import Id
from tomgql.graphql.context import Info
from tomgql.graphql.inputs import optional
from tomgql.graphql.mutations.arguments import key, keys, maybe_key
from tomgql.graphql.payloads import DeletePayload, TokenPayload, UserGroupPayload, UserPayload, answer
from tomgql.reading.relation import one
from tomgql.services import accounts


@strawberry.input(description="A user to be created.")
class CreateUserInput:
    username: str = strawberry.field(description="Name to sign in with, 1 to 150 characters; unique.")
    is_admin: bool = strawberry.field(default=False, description="Whether the user is an administrator.")


@strawberry.input(description="A user group to be created.")
class CreateUserGroupInput:
    name: str = strawberry.field(description="Name, 1 to 200 characters; unique.")
    members: list[strawberry.ID] | None = optional("Users to add; the creator becomes its manager.")


@strawberry.input(description="What to change of a user group.")
class UpdateUserGroupInput:
    id: strawberry.ID = strawberry.field(description="The group.")
    name: str | None = optional("New name, 1 to 200 characters; unique.")
    add_members: list[strawberry.ID] | None = optional("Users to add.")
    remove_members: list[strawberry.ID] | None = optional("Users to remove; the last manager stays.")
    add_managers: list[strawberry.ID] | None = optional("Users to make managers, and members if they are none.")
    remove_managers: list[strawberry.ID] | None = optional("Managers that become plain members; the last one stays.")


@strawberry.input(description="A token to be created.")
class CreateTokenInput:
    name: str = strawberry.field(description="What the token is for, 1 to 200 characters.")
    user: strawberry.ID | None = optional("Whose token; administrators only, else one's own.")
    scopes: list[str] | None = optional("read, write, admin; those of the token in use when not given.")
    expires: datetime | None = optional(
        "When it ends: not after the token in use, and together with it when not given. Never if neither has an end."
    )


@strawberry.type
class PeopleMutations:
    @strawberry.mutation(description="Create a user. Administrators only.")
    async def create_user(
        self, info: Info, input: Annotated[CreateUserInput, strawberry.argument(description="The user.")]
    ) -> UserPayload:
        async def work() -> dict[str, Any]:
            user = await accounts.create_user(
                info.context.rt, info.context.actor, input.username, is_admin=input.is_admin
            )
            return {"user": one("users", user)}

        return await answer(UserPayload, work)

    @strawberry.mutation(description="Create a user group with oneself as its manager.")
    async def create_user_group(
        self, info: Info, input: Annotated[CreateUserGroupInput, strawberry.argument(description="The group.")]
    ) -> UserGroupPayload:
        async def work() -> dict[str, Any]:
            members = keys("users", input.members, "input", "members")
            group = await accounts.create_user_group(info.context.rt, info.context.actor, input.name, members)
            return {"user_group": one("user_groups", group)}

        return await answer(UserGroupPayload, work)

    @strawberry.mutation(description="Change a user group: its name and who belongs to it.")
    async def update_user_group(
        self, info: Info, input: Annotated[UpdateUserGroupInput, strawberry.argument(description="The change.")]
    ) -> UserGroupPayload:
        async def work() -> dict[str, Any]:
            group = await accounts.update_user_group(
                info.context.rt,
                info.context.actor,
                key("user_groups", input.id, "input", "id"),
                name=input.name,
                add_members=keys("users", input.add_members, "input", "addMembers"),
                remove_members=keys("users", input.remove_members, "input", "removeMembers"),
                add_managers=keys("users", input.add_managers, "input", "addManagers"),
                remove_managers=keys("users", input.remove_managers, "input", "removeManagers"),
            )
            return {"user_group": one("user_groups", group)}

        return await answer(UserGroupPayload, work)

    @strawberry.mutation(
        description="Create a token. Its secret is shown this once. It ends with the token in use at the latest: when"
        " that one expires or is revoked."
    )
    async def create_token(
        self, info: Info, input: Annotated[CreateTokenInput, strawberry.argument(description="The token.")]
    ) -> TokenPayload:
        async def work() -> dict[str, Any]:
            token, secret = await accounts.create_token(
                info.context.rt,
                info.context.actor,
                input.name,
                user_id=maybe_key("users", input.user, "input", "user"),
                scopes=input.scopes,
                expires=input.expires,
            )
            return {"token": one("tokens", token), "secret": secret}

        return await answer(TokenPayload, work)

    @strawberry.mutation(
        description="End a token, the sessions opened with it, and every token that was made with it, and with those."
    )
    async def revoke_token(self, info: Info, id: Id) -> DeletePayload:
        async def work() -> dict[str, Any]:
            await accounts.revoke_token(info.context.rt, info.context.actor, key("tokens", id, "id"))
            return {"deleted_id": id}

        return await answer(DeletePayload, work)
