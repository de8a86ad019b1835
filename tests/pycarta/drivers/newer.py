"""What only the newer generation has for services: details, and endpoints of a service as methods."""

from __future__ import annotations

import sys

from pycarta.admin import service
from recording import agent, done, record

olga, otto = agent("olga"), agent("otto")
upstream = sys.argv[2]

record("no namespace", lambda: service.details("lab", agent=olga))
record("a namespace", lambda: service.reserve_namespace("lab", agent=olga))
record("a namespace that exists and may", lambda: service.reserve_namespace("lab", exists_ok=True, agent=olga))
record("the namespace", lambda: service.details("lab", agent=olga).name)
record("who made it", lambda: service.details("lab", agent=olga).document_history.addedBy.name)
record("the namespace, by another", lambda: service.details("lab", agent=otto))
record("no service", lambda: service.details("lab", "fit", agent=olga))
record("a service", lambda: service.register_service("lab", "fit", upstream, agent=olga).name)
record("the service", lambda: service.details("lab", "fit", agent=olga).base_url == upstream)
record("the service, by another", lambda: service.details("lab", "fit", agent=otto))
fit = service.utilize_service("lab", "fit", agent=olga)
for method in ("get", "post", "put", "patch", "delete"):
    record(method, lambda method=method: getattr(fit, method)("runs/7").json()["method"])
record("the service itself", lambda: fit.get().json()["path"])
record("out of the service", lambda: fit.get("runs/%2e%2e/secret"))
record("a service that is not there", lambda: service.utilize_service("lab", "absent", agent=olga).get("runs"))
record("another's service", lambda: service.utilize_service("lab", "fit", agent=otto).get("runs"))
done()
