"""Plain functions that judge their caller: whoever calls them, from whatever route, script or worker."""

import os

from flask import Flask

from cartaguard import Guard, Settings, authenticated, authorize, current_principal, permission, public
from cartaguard.flask import FlaskGuard

carta = FlaskGuard(Guard.from_settings(Settings.from_env()))
app = Flask(__name__, static_folder=None)
carta.init_app(app)


@authorize(groups=["Aurora:Research"])
def read_research() -> dict[str, str]:
    return {"caller": current_principal().username}


@authorize(requirement=permission("read", "Project:{project_id}"))
def read_project(project_id: str) -> dict[str, str]:
    return {"caller": current_principal().username, "project": project_id}


@authorize(requirement=permission("write", "Project:{project_id}"))
def change_project(project_id: str) -> dict[str, str]:
    return read_project(project_id)


@app.get("/")
@carta.requires(public("front page"))
def front() -> dict[str, str]:
    return {"caller": carta.principal.username}


# These routes let every caller in; the functions say no for them, and the door answers 403.
@app.get("/research")
@carta.requires(authenticated)
def research() -> dict[str, str]:
    return read_research()


@app.get("/projects/<project_id>")
@carta.requires(authenticated)
def show(project_id: str) -> dict[str, str]:
    return read_project(project_id)


@app.put("/projects/<project_id>")
@carta.requires(authenticated)
def change(project_id: str) -> dict[str, str]:
    return change_project(project_id)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
