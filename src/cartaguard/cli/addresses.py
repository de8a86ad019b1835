"""Who and what a command is about, as it is written on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cartaguard.errors import CartaForbidden, CartaNotFound, ParameterError
from cartaguard.model.names import Resource

if TYPE_CHECKING:
    from cartaguard.carta.calls.permissions import UserType
    from cartaguard.carta.client import CartaClient

__all__ = ["HOLDERS", "Who", "check_there", "resource_id", "service_name", "user_named"]

#: The types of resources that can hold something on another one, and Carta's words for them.
HOLDERS: dict[str, UserType] = {
    "Namespace": "NamespaceItem",
    "Project": "ProjectItem",
    "Workflow": "WorkflowItem",
    "Workspace": "WorkspaceItem",
}


@dataclass(frozen=True, slots=True)
class Who:
    """A user, a group or a resource that holds something; ``text`` is as it was written."""

    text: str
    kind: str
    name: str
    user_type: UserType

    @classmethod
    def parse(cls, text: str) -> Who:
        """Read ``NAME`` or ``user:NAME``, ``group:ORG:NAME``, or ``resource:TYPE:ID``.

        :raises ParameterError: for anything else.
        """
        kind, colon, name = text.partition(":")
        if not colon:
            kind, name = "user", text
        if kind == "resource":
            resource = Resource.parse(name)
            if resource.type not in HOLDERS:
                raise ParameterError(f"a `{resource.type}` holds nothing on others; those that can are {', '.join(HOLDERS)}")
            return cls(text, kind, resource.id, HOLDERS[resource.type])
        if kind not in ("user", "group") or not name:
            raise ParameterError(f"`{text}` is nobody; use `NAME`, `group:ORG:NAME` or `resource:TYPE:ID`")
        return cls(text, kind, name, "User" if kind == "user" else "UserGroup")


def check_there(client: CartaClient, who: Who) -> None:
    """Raise :class:`~cartaguard.errors.CartaNotFound` if Carta knows no such user or group."""
    if who.kind == "user":
        user_named(client, who.name)
    elif who.kind == "group":
        try:
            client.groups.members(who.name)
        except CartaForbidden:
            # It is there, and its members are others' business.
            pass


def user_named(client: CartaClient, name: str) -> str:
    """The id of a user. Raises :class:`~cartaguard.errors.CartaNotFound` when there is none."""
    for person in client.users.search(name):
        if person.name == name:
            return person.id
    raise CartaNotFound(f"carta knows no user `{name}`")


def resource_id(client: CartaClient, resource: Resource) -> str:
    """Carta's id of a resource; ``Service:NAMESPACE/NAME`` and ``Namespace:NAME`` go by their names, as in a guard."""
    from cartaguard.directories.carta_names import details

    operation = details(resource)
    return resource.id if operation is None else client.call(operation).id


def service_name(text: str) -> tuple[str, str]:
    """Read ``NAMESPACE/NAME``."""
    namespace, slash, name = text.partition("/")
    if not slash or not namespace or not name:
        raise ParameterError(f"`{text}` is not a service; use `NAMESPACE/NAME`")
    return namespace, name
