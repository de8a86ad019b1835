"""Carta's calls, one file for each family of them: ``routes(carta)`` makes them, and ``app`` collects them."""
