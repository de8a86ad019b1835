"""Drivers run sans-IO steps: generators that yield effects. ``blocking`` and ``aio`` differ in nothing else."""
