"""The application that `cartaguard demo` starts in four frameworks, and what it must answer to whom.

``expected`` is the policy as plain data, written down apart from the guard; ``fastapi_app``, ``starlette_app``,
``flask_app`` and ``wsgi_app`` are the same small application four times; ``servers`` starts them on loopback and
``asking`` asks them over HTTP, with real tokens.
"""
