"""Services and namespaces by their names: Carta's permissions are about ids.

``Service:namespace/name`` and ``Namespace:name`` are names. A service without a slash, and a namespace that is a
UUID, is an id already; which of the two it is depends on its form alone, so that nobody can take a name to be
asked about instead of an id.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from cartaguard.caches.memory import MemoryCache
from cartaguard.carta.calls import services
from cartaguard.carta.operation import Operation
from cartaguard.carta.records import Record
from cartaguard.directories.carta_ages import Ages
from cartaguard.directories.carta_asking import Asking
from cartaguard.drivers.effects import Steps
from cartaguard.model.names import Resource
from cartaguard.model.principal import Principal

__all__ = ["LIFETIME", "Names", "details"]

#: Seconds for which the id behind a name is remembered. That there is none is not.
LIFETIME = 5.0

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


def details(resource: Resource) -> Operation[Record] | None:
    """The call that tells the id behind a name; ``None`` when it is an id already."""
    if resource.type == "Service" and resource.id.count("/") == 1:
        namespace, _, name = resource.id.partition("/")
        return services.service(namespace, name)
    if resource.type == "Namespace" and not _UUID.fullmatch(resource.id):
        return services.namespace(resource.id)
    return None


class Names:
    """Ids by name, remembered shortly for whoever may know them.

    :param clock: seconds that only grow.
    """

    def __init__(self, asking: Asking, clock: Callable[[], float] = time.monotonic) -> None:
        self._asking = asking
        self._clock = clock
        self._ids: MemoryCache[tuple[object, ...], tuple[str, float]] = MemoryCache()
        self._epoch = 0

    def resolve(self, principal: Principal, resource: Resource, ages: Ages) -> Steps[Resource | None]:
        """The resource by its id; ``None`` where there is none, or none that whoever asks may know of.

        Raises what :meth:`Asking.ask` raises.
        """
        operation = details(resource)
        if operation is None:
            return resource
        # What one caller may know of, another may not.
        who = None if self._asking.service is not None else (principal.issuer, principal.subject)
        now, key = self._clock(), (self._epoch, who, resource)
        known = self._ids.get(key)
        if known is None or now - known[1] >= LIFETIME or not ages.allow(now - known[1]):
            found = yield from self._asking.ask(operation, principal)
            if found is None:
                return None
            known = (found.id, now)
            self._ids.put(key, known)
        ages.use(now - known[1])
        return Resource(resource.type, known[0])

    def forget(self) -> None:
        """From now on ask again, whatever is still being answered."""
        self._epoch += 1
        self._ids.clear()
