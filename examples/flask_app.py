"""Flask: what a view demands is a decorator, and a blueprint can be protected as a whole."""

import os

from flask import Blueprint, Flask

from cartaguard import Guard, Settings, groups, permission, public
from cartaguard.flask import FlaskGuard

carta = FlaskGuard(Guard.from_settings(Settings.from_env()))
app = Flask(__name__)
carta.init_app(app, static=public("style sheets"))


@app.get("/")
@carta.requires(public("front page"))
def front() -> dict[str, str]:
    return {"caller": carta.principal.username}


@app.get("/projects/<project_id>")
@carta.requires(permission("read", "Project:{project_id}"))
def show(project_id: str) -> dict[str, str]:
    return {"caller": carta.principal.username, "project": project_id}


@app.put("/projects/<project_id>")
@carta.requires(permission("write", "Project:{project_id}"))
def change(project_id: str) -> dict[str, str]:
    return {"caller": carta.principal.username, "project": project_id}


research = Blueprint("research", __name__, url_prefix="/research")
carta.protect(research, groups("Aurora:Research"))


@research.get("")
def read_research() -> dict[str, str]:
    return {"caller": carta.principal.username}


app.register_blueprint(research)
# Now rather than at the first request: every route has said who may use it.
carta.check(app)

if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
