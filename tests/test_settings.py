"""Settings become a guard, or an error that names file and key and repeats no value."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cartaguard import Guard, LocalDirectory, Principal, Resource, Settings, authenticated, errors, groups, public
from cartaguard.carta import PasswordLogin, Profile, Profiles
from cartaguard.carta.vault import Vault
from cartaguard.directories.cached import CachedDirectory
from cartaguard.directories.carta import CartaDirectory
from cartaguard.directories.chain import ChainDirectory
from cartaguard.settings import _service
from support.keys import jwks, rsa_key
from support.tokens import CLIENT, ISSUER, bearer, id_claims, mint

COGNITO = {"kind": "cognito", "region": "us-east-2", "user_pool_id": "us-east-2_Abc123xyz", "client_ids": ["c"]}
CARTA = {"kind": "carta", "host": "https://carta.example"}
FACTS = {"groups": {"OrgA:Team": {"users": ["olga"]}}}


def local(path: str, **more: Any) -> dict[str, Any]:
    return {"kind": "local", "path": path, **more}


def jwks_issuer(**more: Any) -> dict[str, Any]:
    return {"kind": "jwks", "issuer": "https://i.example", "client_ids": ["c"], **more}


def settings(**table: Any) -> Settings:
    return Settings.from_dict({"issuers": [COGNITO], **table}, environ={})


def code_of(call: Any) -> str:
    with pytest.raises(errors.SettingsError) as caught:
        call()
    assert isinstance(caught.value, errors.ConfigurationError)
    return f"{caught.value.code}: {caught.value}"


# -- what settings say ------------------------------------------------------------------------------------


def test_a_file_describes_a_whole_guard(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "jwks.json").write_text(json.dumps(jwks(rsa_key())), encoding="utf-8")
    (tmp_path / "facts.json").write_text(json.dumps(FACTS), encoding="utf-8")
    (tmp_path / "policy.toml").write_text('[[routes]]\npath = "/*"\nrequire = { groups = ["OrgA:Team"] }\n', encoding="utf-8")
    (tmp_path / "cartaguard.toml").write_text(
        f"""
        leeway = 5
        realm = "physics"
        access_url = "https://portal.example/access"
        policy = "policy.toml"

        [[issuers]]
        kind = "jwks"
        issuer = "{ISSUER}"
        client_ids = ["{CLIENT}"]
        token_use = ["id", "access"]
        algorithms = ["RS256", "RS512"]
        jwks_file = "keys/jwks.json"

        [[directories]]
        kind = "local"
        path = "facts.json"
        strict = false
        """,
        encoding="utf-8",
    )
    read = Settings.from_file(tmp_path / "cartaguard.toml")
    guard = read.guard()
    olga = guard.authenticate(bearer(mint(id_claims("olga", now=time.time()))))
    assert guard.check(olga, groups("OrgA:Team"))
    assert isinstance(guard.directory, LocalDirectory)
    assert guard.policy.entries[0].requirement == groups("OrgA:Team")
    refusal = guard.refusals.decision(guard.check(olga, groups("Other")), authenticated=True)
    assert dict(refusal.headers)["WWW-Authenticate"].startswith('Bearer realm="physics"')
    assert b"https://portal.example/access" in refusal.body
    assert guard.verifier is not None
    assert guard.verifier.issuers == (ISSUER,)


def test_several_directories_are_a_chain_in_order(tmp_path: Path) -> None:
    (tmp_path / "facts.toml").write_text('[groups."OrgA:Team"]\nusers = ["olga"]\n', encoding="utf-8")
    table = {
        "issuers": [{**COGNITO, "token_use": ["access"]}],
        "directories": [local("facts.toml"), CARTA | {"groups": "user", "timeout": 2.5}, local("new.sqlite")],
    }
    guard = Settings.from_dict(table, base=tmp_path, environ={}).guard()
    assert isinstance(guard.directory, ChainDirectory)
    first, second, third = guard.directory.members
    assert isinstance(first, LocalDirectory)
    assert isinstance(second, CachedDirectory)
    assert isinstance(second.inner, CartaDirectory)
    assert isinstance(third, LocalDirectory)
    guard.close()


def test_no_directory_is_a_guard_that_knows_what_the_token_says() -> None:
    guard = settings(issuers=[CARTA | {"client_ids": ["c"]}]).guard()
    assert guard.check(Principal(issuer="i", subject="s", groups=["Team"]), groups("Team"))


def test_keys_may_be_fetched_from_an_address() -> None:
    issuer = {"kind": "jwks", "issuer": "https://i.example", "client_ids": ["c"], "jwks_uri": "https://i.example/keys"}
    assert settings(issuers=[issuer]).guard().verifier is not None


def test_routes_may_stand_in_the_settings() -> None:
    guard = settings(routes=[{"path": "/health", "require": {"public": "probes"}}]).guard()
    assert guard.policy.entries[0].requirement == public("probes")


def test_json_is_read_by_its_ending(tmp_path: Path) -> None:
    file = tmp_path / "cartaguard.json"
    file.write_text(json.dumps({"issuers": [COGNITO]}), encoding="utf-8")
    assert isinstance(Settings.from_file(str(file)).guard(), Guard)


# -- service tokens -----------------------------------------------------------------------------------------

SERVICE = {**CARTA, "credential": "service"}


def test_a_service_token_is_read_from_the_variable_that_is_named() -> None:
    table = {"issuers": [COGNITO], "directories": [{**SERVICE, "token_env": "CARTA_TOKEN"}]}
    read = Settings.from_dict(table, environ={"CARTA_TOKEN": "canary-token\n"})
    guard = read.guard()
    assert isinstance(guard.directory, CachedDirectory)
    for shown in (read, guard, guard.directory, guard.directory.inner):
        assert "canary" not in repr(shown) + str(shown)
    for environ in ({}, {"CARTA_TOKEN": " "}):
        assert "missing_secret" in code_of(Settings.from_dict(table, environ=environ).guard)


def test_a_service_account_may_have_an_api_token() -> None:
    directory = {**SERVICE, "api_token_env": "CARTA_API_TOKEN", "groups": "members", "api": "v2", "issuer": "https://i.example"}
    read = Settings.from_dict({"issuers": [COGNITO], "directories": [directory]}, environ={"CARTA_API_TOKEN": "canary"})
    assert _service(read.directories[0], read.environ) == {"api_token": "canary"}
    assert "canary" not in repr(read)
    assert isinstance(read.guard().directory, CachedDirectory)


def test_a_service_account_may_be_a_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CARTA_API_TOKEN", "eyJjanary")
    directory = {**SERVICE, "profile": "lab"}
    read = Settings.from_dict({"issuers": [COGNITO], "directories": [directory]})
    assert "no_profile" in code_of(read.guard)
    Profiles(vault=Vault()).save(Profile("lab", username="vera", password="canary"))
    login = _service(read.directories[0], {})["credential"]
    assert isinstance(login, PasswordLogin)
    assert login.username == "vera"
    assert isinstance(read.guard().directory, CachedDirectory)


def test_a_service_token_is_read_from_its_file_whenever_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    read = Settings.from_dict({"issuers": [COGNITO], "directories": [{**SERVICE, "token_file": "token"}]}, base=tmp_path, environ={})
    assert "unreadable" in code_of(read.guard)
    file.write_text("\n", encoding="utf-8")
    assert "missing_secret" in code_of(read.guard)
    file.write_text("first\n", encoding="utf-8")
    assert isinstance(read.guard().directory, CachedDirectory)
    token = _service(read.directories[0], {})["credential"]
    assert callable(token)
    file.write_text("second\n", encoding="utf-8")
    assert token() == "second"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"credential": "service"}, "missing_key: settings: `directories[0].token_env` is missing (or `directories[0].token_file`, or one"),
        ({"credential": "service", "token_env": "A", "token_file": "b"}, "contradiction"),
        ({"token_env": "A"}, "contradiction"),
        ({"credential": "service", "token_env": "A", "api_token_env": "B"}, "contradiction"),
        ({"api_token_file": "b"}, "contradiction"),
        ({"profile": "lab"}, "contradiction"),
        ({"credential": "service", "profile": "lab", "token_env": "A"}, "contradiction"),
        ({"api_token": "eyJjanary.eyJ.x"}, "inline_secret"),
        ({"credential": "service", "api_token_env": "A"}, "missing_secret"),
        ({"credential": "caller", "token_file": "b"}, "contradiction"),
        ({"credential": "eyJjanary.eyJ.x"}, "bad_value"),
        ({"credential": "service", "token_env": "eyJjanary.eyJ.x"}, "bad_value"),
        ({"credential": "service", "token": "eyJjanary.eyJ.x"}, "inline_secret"),
        ({"password": "eyJjanary.eyJ.x"}, "inline_secret"),
    ],
)
def test_a_service_token_is_named_once_and_never_written_down(changes: dict[str, str], code: str) -> None:
    said = code_of(lambda: settings(directories=[CARTA | changes]).guard())
    assert said.startswith(code)
    assert "janary" not in said


# -- what is wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([], "bad_value: settings: settings are a table"),
        ({}, "missing_key: settings: there is no issuer"),
        ({"issuers": []}, "missing_key: settings: there is no issuer"),
        ({"isuers": []}, "unknown_key: settings: `isuers` is an unknown key; did you mean `issuers`?"),
        ({"zzz": []}, "unknown_key: settings: `zzz` is an unknown key"),
        ({5: []}, "unknown_key: settings: `5` is an unknown key"),
        ({"leeway": "30"}, "bad_value: settings: `leeway` is not what it has to be: a number"),
        ({"leeway": True}, "bad_value"),
        ({"issuers": [COGNITO], "leeway": 31}, "bad_leeway: settings:"),
        ({"issuers": [COGNITO], "realm": 'a"b'}, "bad_realm: settings:"),
        ({"issuers": COGNITO}, "bad_value: settings: `issuers` is not what it has to be: a list of tables"),
        ({"issuers": [COGNITO, COGNITO]}, "repeated_issuer: settings:"),
        ({"issuers": [COGNITO], "policy": "none.toml"}, "unreadable: settings: none.toml"),
        ({"policy": "p.toml", "routes": []}, "contradiction: settings: `policy` and `routes` contradict each other"),
        ({"issuers": [COGNITO], "routes": [{"path": "/a", "require": {"grops": []}}]}, "unknown_key: settings: `routes[0]` (`/a`)"),
        (
            {"issuers": [COGNITO, jwks_issuer(jwks_uri="https://x")], "routes": [{"path": "/a", "require": {"users": ["olga"]}}]},
            "unqualified_user: settings:",
        ),
    ],
)
def test_a_fault_says_where_it_is(tmp_path: Path, table: Any, said: str) -> None:
    assert told(table, tmp_path).startswith(said)


def told(table: Any, base: Path) -> str:
    return code_of(lambda: Settings.from_dict(table, base=base, environ={}).guard()).replace(f"{base}{os.sep}", "")


@pytest.mark.parametrize(
    ("issuer", "said"),
    [
        ("cognito", "bad_value: settings: `issuers[0]` is a table with a `kind`"),
        ({}, "missing_key: settings: `issuers[0].kind` is missing; it is one of carta, cognito, jwks"),
        ({"kind": "cognitoo"}, "bad_value: settings: `issuers[0].kind` names no kind that there is; did you mean `cognito`?"),
        ({"kind": 5}, "bad_value: settings: `issuers[0].kind` names no kind that there is; it is one of"),
        (
            {"kind": "cognito", "regin": "x"},
            "unknown_key: settings: `issuers[0].regin` is an unknown key; did you mean `issuers[0].region`?",
        ),
        ({"kind": "cognito", "region": "x"}, "missing_key: settings: `issuers[0].user_pool_id` is missing"),
        (COGNITO | {"region": 5}, "bad_value: settings: `issuers[0].region` is not what it has to be: text"),
        (COGNITO | {"region": " "}, "bad_value"),
        (COGNITO | {"client_ids": "c"}, "bad_value"),
        (COGNITO | {"client_ids": []}, "bad_value"),
        (COGNITO | {"client_ids": ["c", 5]}, "bad_value"),
        (COGNITO | {"region": "moon"}, "bad_region: settings: `issuers[0]`: `moon` is not an AWS region"),
        (COGNITO | {"algorithms": ["HS256"]}, "bad_algorithms: settings: `issuers[0]`"),
        (CARTA | {"host": "http://carta.example"}, "insecure_url: settings: `issuers[0]`"),
        (jwks_issuer(), "missing_key: settings: `issuers[0].jwks_uri` is missing (or `issuers[0].jwks_file`)"),
        (jwks_issuer(jwks_uri="https://x", jwks_file="y"), "contradiction: settings: `issuers[0].jwks_file` and `issuers[0].jwks_uri`"),
        (jwks_issuer(jwks_file="none.json"), "unreadable: settings: `issuers[0].jwks_file`"),
    ],
)
def test_a_fault_of_an_issuer_says_which(tmp_path: Path, issuer: Any, said: str) -> None:
    assert told({"issuers": [issuer]}, tmp_path).startswith(said)


@pytest.mark.parametrize(
    ("directory", "said"),
    [
        ({"kind": "local"}, "missing_key: settings: `directories[0].path` is missing"),
        (local("x.yaml"), "bad_value: settings: `directories[0].path` does not tell its kind"),
        (local("none.toml"), "unreadable_file: settings: `directories[0]`"),
        (local("x.db", strict=True), "contradiction: settings: `directories[0].strict`"),
        (local("x.toml", strict=1), "bad_value: settings: `directories[0].strict` is not what it has to be: true or false"),
        (CARTA | {"groups": "all"}, "bad_value: settings: `directories[0].groups` is not what it has to be: `claim` or `user` or"),
        (CARTA | {"timeout": 0}, "configuration: settings: `directories[0]`"),
    ],
)
def test_a_fault_of_a_directory_says_which(tmp_path: Path, directory: Any, said: str) -> None:
    assert told({"issuers": [COGNITO], "directories": [directory]}, tmp_path).startswith(said)


@pytest.mark.parametrize(("content", "code"), [(None, "unreadable"), ("issuers = [", "malformed"), ("isuers = []", "unknown_key")])
def test_a_fault_in_a_file_names_the_file(tmp_path: Path, content: str | None, code: str) -> None:
    file = tmp_path / "cartaguard.toml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    said = code_of(lambda: Settings.from_file(file))
    assert said.startswith(f"{code}: {file}")


# -- the environment ------------------------------------------------------------------------------------------

ENVIRON = {
    "CARTAGUARD_ISSUER_KIND": "cognito",
    "CARTAGUARD_ISSUER_REGION": "us-east-2",
    "CARTAGUARD_ISSUER_USER_POOL_ID": "us-east-2_Abc123xyz",
    "CARTAGUARD_ISSUER_CLIENT_IDS": "one, two",
}


def test_variables_describe_a_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facts.json").write_text(json.dumps(FACTS), encoding="utf-8")
    (tmp_path / "policy.json").write_text('{"routes": [{"path": "/a", "require": {"authenticated": true}}]}', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    read = Settings.from_env(
        {
            **ENVIRON,
            "CARTAGUARD_DIRECTORY_KIND": "local",
            "CARTAGUARD_DIRECTORY_PATH": "facts.json",
            "CARTAGUARD_DIRECTORY_STRICT": "false",
            "CARTAGUARD_POLICY": "policy.json",
            "CARTAGUARD_LEEWAY": "2.5",
            "CARTAGUARD_REALM": "r",
            "CARTAGUARD_ACCESS_URL": "",
            "PATH": "/bin",
        }
    )
    assert (read.leeway, read.realm, read.access_url) == (2.5, "r", None)
    assert read.issuers[0].values["client_ids"] == ("one", "two")
    assert read.directories[0].values["strict"] is False
    assert read.guard().policy.entries[0].requirement == authenticated


def test_variables_take_the_place_of_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "cartaguard.toml"
    file.write_text(
        'realm = "file"\nleeway = 7\nroutes = []\n[[issuers]]\nkind = "carta"\nhost = "https://carta.example"\n'
        '[[directories]]\nkind = "local"\npath = "facts.toml"\n',
        encoding="utf-8",
    )
    plain = Settings.from_env({"CARTAGUARD_CONFIG": str(file)})
    assert (plain.realm, plain.leeway, [part.values["kind"] for part in plain.issuers]) == ("file", 7, ["carta"])
    assert plain.directories[0].path("path") == tmp_path / "facts.toml"
    changed = Settings.from_env({"CARTAGUARD_CONFIG": str(file), "CARTAGUARD_REALM": "env", "CARTAGUARD_POLICY": "p.toml", **ENVIRON})
    assert (changed.realm, changed.leeway, [part.values["kind"] for part in changed.issuers]) == ("env", 7, ["cognito"])
    assert changed.policy == Path("p.toml")
    assert changed.directories == plain.directories


def test_a_service_tokens_own_variable_may_be_called_like_a_setting() -> None:
    environ = {
        **ENVIRON,
        "CARTAGUARD_DIRECTORY_KIND": "carta",
        "CARTAGUARD_DIRECTORY_HOST": "https://carta.example",
        "CARTAGUARD_DIRECTORY_CREDENTIAL": "service",
        "CARTAGUARD_DIRECTORY_TOKEN_ENV": "CARTAGUARD_SERVICE_TOKEN",
        "CARTAGUARD_SERVICE_TOKEN": "canary",
    }
    assert isinstance(Settings.from_env(environ).guard().directory, CachedDirectory)
    del environ["CARTAGUARD_DIRECTORY_TOKEN_ENV"]
    assert code_of(lambda: Settings.from_env(environ)).startswith("inline_secret: environment: `CARTAGUARD_SERVICE_TOKEN`")


UNKNOWN = "unknown_key: environment: `CARTAGUARD_{}` is an unknown variable"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CARTAGUARD_ISUER_KIND": "carta"}, UNKNOWN.format("ISUER_KIND") + "; did you mean `CARTAGUARD_ISSUER_KIND`?"),
        ({"CARTAGUARD_LEEWAYS": "3"}, UNKNOWN.format("LEEWAYS") + "; did you mean `CARTAGUARD_LEEWAY`?"),
        ({"CARTAGUARD_ROUTES": "x"}, UNKNOWN.format("ROUTES")),
        ({"CARTAGUARD_ISSUER_REGION": "x"}, "missing_key: environment: `CARTAGUARD_ISSUER_KIND` is missing"),
        ({"CARTAGUARD_ISSUER_KIND": "cognito"}, "missing_key: environment: `CARTAGUARD_ISSUER_REGION` is missing"),
        ({"CARTAGUARD_ISSUER_KIND": "carta", "CARTAGUARD_ISSUER_HSOT": "x"}, UNKNOWN.format("ISSUER_HSOT") + "; did you mean"),
        ({"CARTAGUARD_LEEWAY": "soon"}, "bad_value: environment: `CARTAGUARD_LEEWAY` is not what it has to be: a number"),
        ({"CARTAGUARD_DIRECTORY_KIND": "local", "CARTAGUARD_DIRECTORY_STRICT": "yes"}, "bad_value"),
        ({"CARTAGUARD_DIRECTORY_KIND": "carta", "CARTAGUARD_DIRECTORY_TOKEN": "x"}, "inline_secret: environment"),
        ({"CARTAGUARD_TOKEN": "x"}, "inline_secret: environment: `CARTAGUARD_TOKEN`"),
        ({}, "missing_key: environment: there is no issuer"),
        ({"CARTAGUARD_CONFIG": "none.toml"}, "unreadable: none.toml"),
        ({**ENVIRON, "CARTAGUARD_ISSUER_REGION": "moon"}, "bad_region: environment: `CARTAGUARD_ISSUER`"),
    ],
)
def test_a_fault_in_the_environment_names_the_variable(environ: dict[str, str], said: str) -> None:
    assert code_of(lambda: Settings.from_env(environ).guard()).startswith(said)


def test_settings_are_read_from_the_process_environment_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CARTAGUARD_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    assert isinstance(Settings.from_env().guard(), Guard)


def test_reading_settings_loads_nothing_that_they_do_not_name() -> None:
    heavy = ("cryptography", "httpx", "httpx2", "asyncio", "sqlite3", "cartaguard.directories.carta", "cartaguard.directories.local")
    loaded = f"[name for name in {heavy!r} if name in sys.modules]"
    code = f"import sys\nfrom cartaguard import Settings\nSettings.from_env({ENVIRON!r})\nprint({loaded})"
    # Without the variables by which coverage would measure the process, and load modules of its own.
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env={})
    assert done.stdout.strip() == "[]"


def test_a_guard_of_settings_answers(tmp_path: Path) -> None:
    (tmp_path / "facts.toml").write_text('[resources."Project:p1"]\nowner = "olga"\n', encoding="utf-8")
    guard = Settings.from_dict({"issuers": [COGNITO], "directories": [{"kind": "local", "path": "facts.toml"}]}, base=tmp_path).guard()
    assert guard.permissions(Principal(issuer="i", subject="s", username="olga"), Resource("Project", "p1")).owner


def _page(language: str) -> str:
    text = (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
    [block] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_file_and_the_variables_of_the_documentation_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CARTAGUARD_")]:
        monkeypatch.delenv(name)
    Path("cartaguard.toml").write_text(_page("toml"), encoding="utf-8")
    Path("facts.toml").write_text("", encoding="utf-8")
    Path("policy.toml").write_text("routes = []", encoding="utf-8")
    names: dict[str, Any] = {}
    exec(compile(_page("python"), "settings.md", "exec", dont_inherit=True), names)
    assert isinstance(names["guard"].directory, ChainDirectory)
    environ = dict(line.split("=", 1) for line in _page("sh").splitlines())
    assert Settings.from_env(environ).guard().verifier is not None
    broken = _page("toml").replace("region =", "regin =")
    Path("cartaguard.toml").write_text(broken, encoding="utf-8")
    said = "cartaguard.toml: `issuers[0].regin` is an unknown key; did you mean `issuers[0].region`?"
    assert code_of(lambda: Settings.from_file("cartaguard.toml")) == f"unknown_key: {said}"
    assert said in (Path(__file__).parents[1] / "docs" / "settings.md").read_text(encoding="utf-8")
