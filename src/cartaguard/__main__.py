"""``python -m cartaguard`` is the ``cartaguard`` command."""

from __future__ import annotations

from cartaguard.cli.main import main

if __name__ == "__main__":
    main()
