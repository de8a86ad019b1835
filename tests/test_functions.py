"""``authorize`` on every kind of function: refused before anything runs, with the verdict in the fault."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from cartaguard import (
    Guard,
    Permission,
    Principal,
    Requirement,
    Resource,
    authorize,
    current_principal,
    errors,
    groups,
    permission,
    public,
    users,
)
from cartaguard.model.facts import Granted, Memberships
from support.facts import OLGA, FactTable, person

ADA, MEMBER = person("ada"), person("bob", groups=["Team"])
READ = permission("read", "Project:{project_id}")


def guard(**options: Any) -> Guard:
    facts: dict[Any, Any] = {
        Resource("Project", "p1"): Granted(Permission.READ),
        Resource("Project", "p2"): Granted(),
        Resource("Project", "p3"): Granted(doubt="carta_unavailable"),
        Resource("Project", "8"): Granted(Permission.READ),
        "Team": Memberships(),
    }
    return Guard(directory=FactTable(facts, **options))


def may(function: Callable[..., Any], principal: Principal, *args: Any, **kwargs: Any) -> bool:
    with guard().acting_as(principal):
        try:
            function(*args, **kwargs)
        except errors.NotAuthorized:
            return False
        return True


# -- who may ----------------------------------------------------------------------------------------------


def nothing() -> str:
    """Does nothing."""
    return "done"


@pytest.mark.parametrize(
    ("decorate", "who"),
    [
        (authorize, {"olga", "ada", "bob"}),
        (authorize(), {"olga", "ada", "bob"}),
        (authorize(["olga"]), {"olga"}),
        (authorize(users=("olga", "ada")), {"olga", "ada"}),
        (authorize(groups={"Team"}), {"bob"}),
        (authorize(["olga"], ["Team"]), {"olga", "bob"}),
        (authorize(requirement=users("ada")), {"ada"}),
        (authorize(users=["olga"], groups=frozenset({"Team"}), requirement=groups("Team")), {"bob"}),
        (authorize(users=["olga"], requirement=users("ada")), set()),
        (authorize(requirement=public("everybody may")), {"", "olga", "ada", "bob"}),
    ],
)
def test_users_and_groups_are_alternatives_and_a_requirement_is_additional(decorate: Any, who: set[str]) -> None:
    function = decorate(nothing)
    callers = (Principal.anonymous, OLGA, ADA, MEMBER)
    assert {caller.username for caller in callers if may(function, caller)} == who


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (lambda: authorize(users=[]), "empty"),
        (lambda: authorize(groups=()), "empty"),
        (lambda: authorize(users=["olga"], groups=[]), "empty"),
        (lambda: authorize(users=["olga", ""]), "empty"),
        (lambda: authorize("olga"), "bad_name"),
        (lambda: authorize(groups="Team"), "bad_name"),
        (lambda: authorize(groups={"Team": 1}), "bad_name"),
        (lambda: authorize(users=5), "bad_name"),  # type: ignore[call-overload]
        (lambda: authorize(users=[5]), "bad_name"),  # type: ignore[list-item]
        (lambda: authorize(requirement="authenticated"), "not_a_requirement"),  # type: ignore[call-overload]
        (lambda: authorize(requirement=[]), "not_a_requirement"),  # type: ignore[call-overload]
        (lambda: authorize(Guard), "not_a_function"),
        (lambda: authorize(users=["olga"])(Guard), "not_a_function"),
        (lambda: authorize()(property(nothing)), "not_a_function"),  # type: ignore[arg-type]
        (lambda: authorize(requirement=READ)(nothing), "unknown_parameter"),
    ],
)
def test_what_could_never_be_meant_is_an_error_while_decorating(build: Callable[[], object], code: str) -> None:
    with pytest.raises(errors.RequirementError) as caught:
        build()
    assert caught.value.code == code


def test_a_bare_text_is_an_error_that_says_the_fix() -> None:
    with pytest.raises(errors.RequirementError, match=r'write groups=\["Team"\]'):
        authorize(groups="Team")


def test_a_refusal_carries_the_verdict() -> None:
    function = authorize(groups=["Team"])(nothing)
    with guard().acting_as(OLGA), pytest.raises(errors.AuthenticationError, match="not group member") as caught:
        function()
    assert caught.value.decision is not None
    assert (caught.value.code, caught.value.decision.denied) == ("not_group_member", True)


def test_facts_that_cannot_be_had_are_an_indeterminate_verdict() -> None:
    @authorize(requirement=READ)
    def show(project_id: str) -> None: ...

    with guard().acting_as(OLGA), pytest.raises(errors.NotAuthorized) as caught:
        show("p3")
    assert caught.value.decision is not None
    assert (caught.value.code, caught.value.decision.indeterminate) == ("facts_unavailable", True)


def test_nobody_calling_is_an_error() -> None:
    for function in (authorize(nothing), current_principal):
        with pytest.raises(errors.NoPrincipal):
            function()


def test_the_current_principal_is_the_caller() -> None:
    assert authorize()(current_principal).__name__ == "current_principal"
    with guard().acting_as(OLGA):
        assert current_principal() is OLGA
        assert authorize(users=["olga"])(current_principal)() is OLGA


# -- templates --------------------------------------------------------------------------------------------


@authorize(requirement=READ)
def show(project_id: str = "p2", /, extra: int = 0, *more: int, loud: bool = False, **rest: object) -> str:
    return f"{project_id} {extra} {more} {loud} {rest}"


@authorize(requirement=READ)
def needy(project_id: str) -> str:
    return project_id


def test_templates_are_filled_from_arguments_by_name_and_from_defaults() -> None:
    with guard().acting_as(OLGA):
        assert show("p1") == "p1 0 () False {}"
        assert show("p1", 1, 2, loud=True, project_id="p2") == "p1 1 (2,) True {'project_id': 'p2'}"
        with pytest.raises(errors.NotAuthorized):
            show()
        with pytest.raises(errors.NotAuthorized):
            show("p2", project_id="p1")
        with pytest.raises(TypeError, match="project_id"):
            needy()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda **project_id: None, "project_id"),
        (lambda *project_id: None, "project_id"),
        (lambda self: None, "self"),
        (lambda cls, project: None, "cls"),
    ],
)
def test_what_fills_no_template_is_found_while_decorating(function: Callable[..., None], name: str) -> None:
    with pytest.raises(errors.RequirementError, match="needs the parameter"):
        authorize(requirement=permission("read", f"Project:{{{name}}}"))(function)


def test_a_value_without_one_text_is_an_error() -> None:
    @authorize(requirement=READ)
    def get(project_id: int | None = None) -> int | None:
        return project_id

    with guard().acting_as(OLGA):
        assert get(8) == 8
        with pytest.raises(errors.ParameterError, match="NoneType"):
            get()


# -- kinds of functions -----------------------------------------------------------------------------------


class Service:
    """Its methods work on ``p1`` for those who may read that."""

    ran: tuple[str, ...] = ()

    @authorize(requirement=READ)
    def method(self, project_id: str) -> str:
        return f"{type(self).__name__} {project_id}"

    @classmethod
    @authorize(requirement=READ)
    def outer_class(cls, project_id: str) -> str:
        return f"{cls.__name__} {project_id}"

    @authorize(requirement=READ)
    @classmethod
    def inner_class(cls, project_id: str) -> str:
        return f"{cls.__name__} {project_id}"

    @staticmethod
    @authorize(requirement=READ)
    def outer_static(project_id: str) -> str:
        return f"Service {project_id}"

    @authorize(requirement=READ)
    @staticmethod
    def inner_static(project_id: str) -> str:
        return f"Service {project_id}"

    @authorize
    @staticmethod
    def bare_static(project_id: str) -> str:
        return f"Service {project_id}"


@pytest.mark.parametrize("name", ["method", "outer_class", "inner_class", "outer_static", "inner_static"])
def test_methods_of_every_kind_are_guarded(name: str) -> None:
    function = getattr(Service(), name)
    with guard().acting_as(OLGA):
        assert function("p1") == function(project_id="p1") == "Service p1"
        with pytest.raises(errors.NotAuthorized):
            function("p2")
    assert not may(Service.bare_static, Principal.anonymous, "p1")
    assert may(Service.bare_static, OLGA, "p1")


def test_a_wrapped_function_keeps_its_name_text_and_signature() -> None:
    function = authorize(users=["olga"])(nothing)
    assert (function.__name__, function.__doc__) == ("nothing", "Does nothing.")
    assert inspect.signature(function) == inspect.signature(nothing)
    assert inspect.signature(Service.method) == inspect.signature(Service.method.__wrapped__)  # type: ignore[attr-defined]


def test_decorators_stack_and_all_hold() -> None:
    twice = authorize(users=["olga", "ada"])(authorize(requirement=READ)(lambda project_id: project_id))
    assert may(twice, OLGA, "p1")
    assert not may(twice, OLGA, "p2")
    assert not may(twice, MEMBER, "p1")


def test_a_generator_is_decided_when_it_is_called_and_nothing_of_it_runs() -> None:
    ran: list[str] = []

    @authorize(users=["olga"])
    def count() -> Generator[int, None, None]:
        ran.append("started")
        yield 1

    with guard().acting_as(ADA), pytest.raises(errors.NotAuthorized):
        count()
    assert ran == []
    with guard().acting_as(OLGA):
        steps = count()
    assert list(steps) == [1]


def test_a_coroutine_function_is_decided_when_it_is_awaited() -> None:
    ran: list[str] = []

    @authorize(requirement=READ)
    async def show(project_id: str) -> str:
        ran.append(project_id)
        return project_id

    async def main() -> None:
        with guard(later=True).acting_as(OLGA):
            assert await show("p1") == "p1"
            with pytest.raises(errors.NotAuthorized):
                await show("p2")
        with pytest.raises(errors.NoPrincipal):
            await show("p1")

    assert inspect.iscoroutinefunction(show)
    asyncio.run(main())
    assert ran == ["p1"]


def test_a_function_that_lacks_facts_in_a_loop_raises_and_does_not_block() -> None:
    @authorize(requirement=READ)
    def show(project_id: str) -> str:
        return project_id

    async def main() -> None:
        with guard(later=True).acting_as(OLGA):
            with pytest.raises(errors.WouldBlock, match=r"show` lacks facts .* make it `async def`"):
                show("p1")
            assert await asyncio.to_thread(show, "p1") == "p1"
        with guard().acting_as(OLGA):
            assert show("p1") == "p1"

    asyncio.run(main())
    with guard(later=True).acting_as(OLGA):
        assert show("p1") == "p1"


# -- asynchronous generators ------------------------------------------------------------------------------


def echoing(log: list[str]) -> Callable[[], AsyncGenerator[str, str]]:
    @authorize(users=["olga"])
    async def echo() -> AsyncGenerator[str, str]:
        log.append("started")
        said = "first"
        try:
            while said != "stop":
                try:
                    said = yield said
                except LookupError:
                    said = "caught"
        finally:
            log.append("closed")

    return echo


def test_an_asynchronous_generator_is_driven_as_it_is() -> None:
    log: list[str] = []
    echo = echoing(log)

    async def main() -> None:
        with guard().acting_as(OLGA):
            steps = echo()
        assert await anext(steps) == "first"
        assert await steps.asend("second") == "second"
        assert await steps.athrow(LookupError()) == "caught"
        with pytest.raises(StopAsyncIteration):
            await steps.asend("stop")
        with guard().acting_as(OLGA):
            other = echo()
        assert [await anext(other)] == ["first"]
        await other.aclose()

    asyncio.run(main())
    assert log == ["started", "closed", "started", "closed"]


def test_an_asynchronous_generator_is_decided_at_its_first_step_on_whoever_called_it() -> None:
    log: list[str] = []
    echo = echoing(log)

    async def main() -> None:
        with guard().acting_as(ADA):
            steps, thrown = echo(), echo()
        with guard().acting_as(OLGA):
            for _ in range(2):
                with pytest.raises(errors.NotAuthorized):
                    await anext(steps)
            with pytest.raises(LookupError):
                await thrown.athrow(LookupError())
        await steps.aclose()
        with pytest.raises(errors.NoPrincipal):
            echo()

    asyncio.run(main())
    assert log == []


def test_an_asynchronous_context_manager_may_be_guarded() -> None:
    log: list[str] = []

    @contextlib.asynccontextmanager
    @authorize(requirement=READ)
    async def opened(project_id: str) -> AsyncIterator[str]:
        try:
            yield project_id
        finally:
            log.append("closed")

    async def main() -> None:
        with guard(later=True).acting_as(OLGA):
            with pytest.raises(KeyError, match="p1"):
                async with opened("p1") as project:
                    raise KeyError(project)
            with pytest.raises(errors.NotAuthorized):
                async with opened("p2"):
                    log.append("never")

    asyncio.run(main())
    assert log == ["closed"]


def test_the_requirement_that_is_checked_is_one_for_the_guard_too() -> None:
    demands: list[Requirement] = []

    class Watching(Guard):
        def check(self, principal: Principal, requirement: Requirement, params: Any = ()) -> Any:
            demands.append(requirement)
            return super().check(principal, requirement, dict(params))

    with Watching().acting_as(OLGA):
        authorize(["olga"], ["Team"], groups("Team") | users("olga"))(nothing)()
    assert demands == [(users("olga") | groups("Team")) & (groups("Team") | users("olga"))]


def test_the_guide_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[1] / "docs" / "guides" / "functions.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, "functions.md", "exec", dont_inherit=True), names)
    assert capsys.readouterr().out == "Alloys, by olga\n"
    with names["guard"].acting_as(names["olga"]):
        assert asyncio.run(names["rename"]("p1", "Steel")) == "p1 is now called Steel"
        with pytest.raises(errors.NotAuthorized):
            asyncio.run(names["rename"]("p2", "Steel"))
