"""Carta's calls, one function each: it makes an operation and sends nothing."""
