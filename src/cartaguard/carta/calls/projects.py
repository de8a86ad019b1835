"""Projects and their connections."""

from __future__ import annotations

from typing import Any

from cartaguard.carta.operation import Operation
from cartaguard.carta.reading import connection, ignored, one, record
from cartaguard.carta.records import Connection, Record

__all__ = ["connect", "create", "delete", "disconnect"]


def create(name: str, bucket: str) -> Operation[Record]:
    """Make a project whose files are in a bucket."""
    return Operation("POST", ("project",), one(record("Project")), json={"name": name, "bucketName": bucket})


def delete(id: str) -> Operation[None]:
    """Remove a project."""
    return Operation("DELETE", ("project", id), ignored)


def connect(project_id: str, described: Connection) -> Operation[Connection]:
    """Give a project a connection."""
    fields: dict[str, Any] = {
        "name": described.name,
        "id": described.id,
        "backend": described.backend,
        "keyPath": described.key_path,
        "nativeId": dict(described.native_id),
    }
    body = {key: value for key, value in fields.items() if value}
    return Operation("POST", ("project", "connection", project_id), one(connection), json=body)


def disconnect(connection_id: str) -> Operation[None]:
    """Remove a connection."""
    return Operation("DELETE", ("project", "connection", connection_id), ignored)
