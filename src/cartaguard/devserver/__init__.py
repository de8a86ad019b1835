"""The embedded Carta: real keys, real tokens and Carta's REST API on one database. For development and tests only.

How it hangs together, from the bottom: ``schema`` (tables), ``database`` (an SQLite file or PostgreSQL), what is stored,
one class for each concern and transaction (``people``, ``groups``, ``permissions``, ``nodes``, ``apitokens``, … handed out
by ``store``), ``world`` and ``holdings`` (the stored facts under the rules of :mod:`cartaguard.directories.graph`),
``tokens`` and ``cognito`` (what Cognito would sign and answer), ``vault`` (what seals secrets), ``proxying`` and ``hosting``
(how services are called, by their addresses or over their own connections), ``seed`` (who is there on a fresh store),
``caller`` (who asks, verified), ``routes`` (the calls, one file for each family of them), ``openapi`` (what these say of
themselves), ``app`` and ``server``.
"""
