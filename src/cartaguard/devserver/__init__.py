"""The embedded Carta: real keys, real tokens and Carta's REST API on one SQLite file. For development and tests only.

How it hangs together, from the bottom: ``schema`` (tables) and ``engine`` (the file), the stores ``people``,
``groups``, ``permissions``, ``keys`` and ``pool`` (one connection each, handed out by ``store``), ``world`` (the
stored facts under the rules of :mod:`cartaguard.directories.graph`), ``tokens`` (what Cognito would sign),
``seed`` (who is there on a fresh file), ``caller`` (who asks, verified), ``routes`` (the calls, one file per family of
them), ``app`` and ``server``.
"""
