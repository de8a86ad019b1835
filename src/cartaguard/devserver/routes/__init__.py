"""Carta's calls, one file for each family of them. Each file has its ``ROUTES``."""
