"""The package as a whole: its names, what importing it costs, its version and its types."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module, metadata
from importlib.resources import files
from pathlib import Path

import pytest

import cartaguard

#: design.md, section 4.
NAMES = (
    *("Guard", "Settings", "Principal", "Group", "Resource", "Permission", "Role", "Decision"),
    *("Requirement", "public", "authenticated", "users", "groups", "permission", "scopes", "claim", "restricted", "any_of", "all_of"),
    *("TokenVerifier", "Issuer", "StaticKeys", "RemoteKeys", "LocalDirectory", "Policy", "authorize", "current_principal", "errors"),
)

FRAMEWORKS = {"starlette", "fastapi", "flask", "werkzeug", "uvicorn", "typer", "rich", "jinja2", "a2wsgi", "asgiref"}
CLIENTS = {"httpx", "httpx2", "httpcore", "requests", "urllib3", "aiohttp", "boto3"}
METRICS = {"prometheus_client", "opentelemetry"}
HEAVY = FRAMEWORKS | CLIENTS | METRICS | {"sqlalchemy", "pydantic", "pydantic_core", "jwt", "cryptography", "msgspec"}

PACKAGE = Path(cartaguard.__file__).parent

#: What only some processes come to need.
LATER = (
    *("_logfmt", "settings", "model.health", "model.jsontext", "model.requirement_table", "drivers.blocking"),
    *("guard.explanation", "guard.listing", "guard.snapshot"),
)

#: A guard in front of a FastAPI application, which decides.
GUARDED = """
import fastapi
from cartaguard import Guard, LocalDirectory, Principal, permission
from cartaguard.fastapi import FastAPIGuard
guard = Guard(directory=LocalDirectory.from_dict({'resources': {'Project:p1': {'owner': 'olga'}}}))
carta = FastAPIGuard(guard)
app = fastapi.FastAPI(dependencies=[carta.requires(permission('read', 'Project:p1'))])
carta.install(app)
assert guard.check(Principal(issuer='i', subject='s', username='olga'), permission('read', 'Project:p1'))
"""


def imported(statement: str) -> set[str]:
    """The modules that a statement imports in a fresh interpreter, by `-X importtime`."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", statement], capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_importing_the_package_imports_next_to_nothing() -> None:
    """`import cartaguard` imports no framework, HTTP client, SQLAlchemy, pydantic or asyncio."""
    modules = imported("import cartaguard")
    assert {module for module in modules if module.startswith("cartaguard")} == {"cartaguard"}
    assert tops(modules) & (HEAVY | {"asyncio", "ssl", "http", "logging"}) == set()


def test_importing_the_errors_imports_nothing_heavy() -> None:
    """Catching a fault costs nothing."""
    assert tops(imported("from cartaguard import errors")) & (HEAVY | {"asyncio"}) == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_public_name_imports_a_framework(name: str) -> None:
    """Every public name comes without a framework, an HTTP client, SQLAlchemy, pydantic and asyncio."""
    found = tops(imported(f"from cartaguard import {name}"))
    assert found & (FRAMEWORKS | CLIENTS | {"sqlalchemy", "pydantic", "asyncio"}) == set()


def test_deciding_imports_no_framework() -> None:
    """A guard that decides on local facts needs no framework, HTTP client, SQLAlchemy, pydantic or asyncio."""
    statement = (
        "from cartaguard import *; "
        "guard = Guard(directory=LocalDirectory.from_dict({'resources': {'Project:p1': {'owner': 'olga'}}})); "
        "olga = Principal(issuer='i', subject='s', username='olga'); "
        "assert guard.check(olga, permission('read', 'Project:p1'))"
    )
    assert tops(imported(statement)) & (FRAMEWORKS | CLIENTS | {"sqlalchemy", "pydantic", "asyncio"}) == set()


def test_importing_the_door_for_fastapi_imports_no_guard() -> None:
    """`import cartaguard.fastapi` imports the door's outside alone; who makes a guard imports what that needs."""
    modules = imported("import cartaguard.fastapi")
    assert {module for module in modules if module.startswith("cartaguard")} == {"cartaguard", "cartaguard.errors", "cartaguard.fastapi"}


@pytest.mark.parametrize("module", LATER)
def test_what_few_processes_need_is_imported_by_those(module: str) -> None:
    """A guard in front of an application, with facts at hand, has not imported the text of events, policy files and the like."""
    assert f"cartaguard.{module}" not in imported(GUARDED)


def test_a_guard_is_made_without_generated_code() -> None:
    """Nothing that a guard and its door import is a dataclass, whose methods every process would compile anew."""
    script = f"""{GUARDED}
import sys
for name, module in sorted(sys.modules.items()):
    if name.partition('.')[0] == 'cartaguard':
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == name and '__dataclass_fields__' in vars(kind):
                print(name, kind.__name__)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_every_public_name_is_there() -> None:
    """The names of the design, and no others, are what `from cartaguard import *` gives."""
    assert sorted(cartaguard.__all__) == sorted(NAMES)
    assert len(set(cartaguard.__all__)) == len(cartaguard.__all__)
    for name in NAMES:
        assert getattr(cartaguard, name) is not None
    assert set(NAMES) <= set(dir(cartaguard))


def test_type_checkers_see_what_is_there() -> None:
    """The names under TYPE_CHECKING, which mypy reads, are those that are loaded at first use, from the same modules."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == {"errors": "cartaguard", **{name: f"cartaguard.{home}" for name, home in cartaguard._HOMES.items()}}


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="module 'cartaguard' has no attribute 'Gaurd'"):
        cartaguard.Gaurd  # noqa: B018


def test_every_module_exports_what_it_has() -> None:
    """Every name in an `__all__` exists, and occurs once."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(("cartaguard", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        if name.endswith("__main__"):
            continue
        module = import_module(name)
        exported = getattr(module, "__all__", [])
        assert [word for word in exported if not hasattr(module, word)] == [], name
        assert len(set(exported)) == len(exported), name


def test_every_error_has_one_base_and_a_code() -> None:
    """Every exception derives from `CartaGuardError`, has a code of its own kind, and a message without one."""
    from cartaguard import errors

    kinds = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(kind, errors.CartaGuardError) for kind in kinds)
    codes = [kind.code for kind in dict.fromkeys(kinds)]
    assert len(set(codes)) == len(codes)
    assert errors.AuthenticationError is errors.NotAuthorized


def test_the_version_is_the_installed_one() -> None:
    """`cartaguard.__version__` is what was built."""
    assert cartaguard.__version__ == metadata.version("cartaguard")


def test_types_are_shipped() -> None:
    """The package says that it is typed (PEP 561)."""
    assert (files("cartaguard") / "py.typed").is_file()
