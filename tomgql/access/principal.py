"""Who acts."""

from __future__ import annotations

from dataclasses import dataclass

ALL_SCOPES = ("read", "write", "admin")
"""What a token may be limited to: read only, change things, use an administrator's power."""


@dataclass(frozen=True)
class Principal:
    """Somebody who asks: a user with the scopes of the token used, or nobody in particular.

    ``is_admin`` is already narrowed by the token's scopes. ``token_id`` is None for the system's own acts.
    """

    user_id: int | None = None
    username: str | None = None
    is_admin: bool = False
    scopes: tuple[str, ...] = ()
    token_id: int | None = None

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody signed in."""
        return self.user_id is None

    @property
    def may_write(self) -> bool:
        """Whether changes may be asked for at all; rights on the things themselves come on top."""
        return not self.is_anonymous and "write" in self.scopes


ANONYMOUS = Principal(scopes=("read",))
"""Somebody who did not sign in: sees what is OPEN."""
