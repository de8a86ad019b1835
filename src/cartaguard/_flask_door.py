"""The gate of one Flask application, and the hooks by which it stands there."""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from flask import Flask, Request, Response, g, has_request_context, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Rule

from cartaguard._flask_routes import ENTRY, LATE, Routes
from cartaguard.drivers import blocking
from cartaguard.errors import CartaGuardError, ConfigurationError, InvalidPath
from cartaguard.guard import current
from cartaguard.guard.gate import ANSWERED, Gate, Pass, Refused
from cartaguard.guard.guard import Guard
from cartaguard.guard.inventory import require_declared
from cartaguard.guard.plan import Plan
from cartaguard.http.environ import HELD, asked, is_preflight
from cartaguard.http.refusal import Refusal
from cartaguard.http.routes import NO_PARAMS, Entry
from cartaguard.model.pattern import canonical
from cartaguard.model.principal import Principal
from cartaguard.model.requirement import Requirement

__all__ = ["TAKEN", "Door", "checking", "current_request"]

log = logging.getLogger("cartaguard")

#: The request itself: every attribute of Flask's proxy costs a look-up.
current_request: Callable[[], Request] = cast("Any", request)._get_current_object

#: Marks a blueprint that is in an inventory.
TAKEN = "__cartaguard_taken__"

#: Marks a view that does not run undecided.
CHECKED = "__cartaguard_checked__"

_HOW = "`@carta.requires(…)` on it, `carta.protect(blueprint, …)` (`carta.init_app(app, static=…)` for `static`)"


class Door:
    """Stands in front of an application's ``preprocess_request``.

    Werkzeug has matched by then; nothing of the application has run, and its 404, 405 or redirect is not raised yet.
    A URL value preprocessor would stand at the same place, if it were kept first, and Flask would read endpoint and
    parameters through context variables for it: that alone takes longer than all that is done here.
    """

    def __init__(self, app: Flask, guard: Guard, static: Requirement | None, allow_preflight: bool) -> None:
        self._app = app
        self._guard = guard
        self._static = static
        self._allow_preflight = allow_preflight
        self._lock = threading.RLock()
        self._fault: ConfigurationError | None = None
        self._checked: tuple[Gate, Routes] | None = None
        self._ready: tuple[Gate, Routes] | None = None
        self._unbinds = False
        self._preprocess: Callable[..., Any] = app.preprocess_request
        vars(app)["preprocess_request"] = self.admit
        # From now on, and not from the first request on: the hook may be replaced before there was one.
        app.view_functions = _Views(app.view_functions, self._passed)
        for kind in ANSWERED:
            app.register_error_handler(kind, self.answer)

    def check(self) -> tuple[Gate, Routes]:
        """Take the inventory, now. What is added later is refused."""
        with self._lock:
            self._checked = self._ready = None
            try:
                routes = Routes(self._app, self._static)
                require_declared(routes.entries, self._guard.policy, how=_HOW)
                checked = Gate(self._guard, routes.entries), routes
            except ConfigurationError as fault:
                self._fault = fault
                raise
            for blueprint in self._app.blueprints.values():
                setattr(blueprint, TAKEN, True)
            self._fault = None
            self._checked = checked
            return checked

    def _start(self) -> tuple[Gate, Routes]:
        """The first request: from here on Flask lets nobody add a hook."""
        with self._lock:
            if self._fault is not None:
                log.error("every request is refused: %s", self._fault)
                raise HTTPException(response=self._response(self._guard.refusals.fault(self._fault)))
            ready = self._checked or self.check()
            before = self._app.before_request_funcs.setdefault(None, [])
            if any(self._app.url_value_preprocessors.values()) and self.confirm not in before:
                before.insert(0, self.confirm)
            views = self._app.view_functions
            self._app.view_functions = {endpoint: views[endpoint] for endpoint in views}
            self._ready = ready
            return ready

    def _passed(self, held: Pass) -> bool:
        """Whether this gate has let a request through to a view."""
        return held.plan.entry is not None and self._ready is not None and held.gate is self._ready[0]

    # -- a request -------------------------------------------------------------------------------------

    def admit(self, *context: Any) -> Any:
        """Decide on the rule that Werkzeug matched, or on what it is about to answer; then the application's own hooks."""
        req = current_request()
        gate, routes = self._ready or self._start()
        environ, method, rule = req.environ, req.method, req.url_rule
        own: HTTPException | None = None
        path = ""
        try:
            path = environ.get("PATH_INFO", "")
            value: Any = environ.get("HTTP_AUTHORIZATION")
            values: tuple[str, ...] = (value,)
            if value is None or not path.isascii():
                # Nearly never, and the call alone takes as long as to find the caller.
                path, values = asked(environ)
            entry: Entry | None
            params: Mapping[str, Any]
            if rule is not None:
                params = req.view_args or NO_PARAMS
                # What `entry` gives nearly always, without the call.
                entry = getattr(rule, ENTRY, None)
                if entry is None or entry.key is not rule:
                    entry = routes.entry(rule, method)
            else:
                canonical(path)
                entry, params, path = routes.ahead(req, path)
                own = req.routing_exception if entry is None else None
            if self._allow_preflight and entry is not LATE and _answered_by_flask(rule) and is_preflight(environ):
                held = gate.preflight(path)
            else:
                held = gate.admit("matched", method, path, values, entry, params) or blocking.run(
                    gate.admit_steps("matched", method, path, values, entry, params)
                )
        except (InvalidPath, Refused) as fault:
            refused = gate.refused(fault)
            # Error pages and `after_request` functions may ask who called.
            environ[HELD] = Pass(gate, refused.principal, Plan(None), path)
            self._refuse(refused.refusal, own)
        environ[HELD] = held
        if current.used:
            self._bind(held.principal)
        # To spread what is empty costs a call of its own.
        return self._preprocess(*context) if context else self._preprocess()

    def confirm(self) -> None:
        """Decide once more where a preprocessor of the application has changed what the view is given."""
        req = current_request()
        held = req.environ[HELD]
        if held.entry is None or req.view_args is None:
            return
        # What was taken out by a preprocessor still says which resource is meant.
        params = {**held.params, **req.view_args}
        try:
            if not held.gate.confirm(held, (held.entry,), params):
                blocking.run(held.gate.confirm_steps(held, (held.entry,), params))
        except Refused as refused:
            self._refuse(refused.refusal)

    def answer(self, fault: CartaGuardError) -> Any:
        """The error handler for what a view lets fall: ``authorize`` said no, or a directory failed."""
        held = request.environ.get(HELD)
        if not isinstance(held, Pass):
            raise fault
        refusal = held.gate.answer(fault, held.principal).refusal
        return self._app.handle_http_exception(NotFound()) if refusal.concealed else self._response(refusal)

    def _refuse(self, refusal: Refusal, own: HTTPException | None = None) -> NoReturn:
        """End the request; ``after_request`` functions still see the response. A hidden one is the application's own 404."""
        if refusal.concealed:
            raise own or NotFound()
        raise HTTPException(response=self._response(refusal))

    def _response(self, refusal: Refusal) -> Response:
        return self._app.response_class(refusal.body, refusal.status, list(refusal.headers))

    # -- the caller, for plain functions ---------------------------------------------------------------

    def _bind(self, principal: Principal) -> None:
        if not self._unbinds:
            with self._lock:
                # A new list, since another thread may be walking the old one; the first of it runs last.
                functions = self._app.teardown_request_funcs
                functions[None] = [_unbind, *functions.get(None, ())]
                self._unbinds = True
        g._cartaguard_caller = current.bind(self._guard, principal)


def _brought_back() -> tuple[Guard, Principal] | None:
    """The caller of a request that Flask brings back after its teardown: a streamed body, a copied context."""
    held = request.environ.get(HELD) if has_request_context() else None
    return (held.gate.guard, held.principal) if isinstance(held, Pass) else None


current.look_in(_brought_back)


class _Views(dict[str, Any]):
    """The views of an application that is being set up: who takes one out to run it gets the check in front of it.

    ``get`` gives a view as it was put in, by which Flask tells that an endpoint is given to another one.
    """

    def __init__(self, views: Mapping[str, Any], passed: Callable[[Pass], bool]) -> None:
        super().__init__(views)
        self._passed = passed

    def __getitem__(self, endpoint: str) -> Any:
        view = super().__getitem__(endpoint)
        return view if getattr(view, CHECKED, False) else checking(view, passed=self._passed)


def checking(view: Any, requirement: Requirement | None = None, passed: Callable[[Pass], bool] = lambda held: False) -> Any:
    """A view that runs only where something has been decided: whoever replaces a hook of Flask's opens no door.

    :param requirement: it has to be among those that were put on the route; ``None``: ``passed`` says of the pass whether it
        will do.
    """

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        held = current_request().environ.get(HELD)
        if type(held) is Pass and (passed(held) if requirement is None else requirement in held.plan.marks):
            # To spread what is empty costs as much as all of this.
            return view(*args, **kwargs) if args or kwargs else view()
        raise _undecided()

    checked: Any = _asynchronous(guarded) if inspect.iscoroutinefunction(view) else guarded
    setattr(checked, CHECKED, True)
    return checked


def _asynchronous(guarded: Any) -> Any:
    @functools.wraps(guarded)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return await guarded(*args, **kwargs)

    return awaited


def _undecided() -> ConfigurationError:
    return ConfigurationError(
        "nothing has decided for this request whether this view may be used; call `carta.init_app(app)`, keep its "
        "`preprocess_request`, and redirect to a guarded view rather than calling it",
        code="no_guard",
    )


def _answered_by_flask(rule: Rule | None) -> bool:
    """Whether an OPTIONS request runs no view: only then a preflight may pass undecided."""
    return bool(getattr(rule, "provide_automatic_options", False))


def _unbind(fault: BaseException | None) -> None:
    token = g.pop("_cartaguard_caller", None)
    if token is not None:
        current.unbind(token)
