"""One driver per system: a job file → ``predictions.csv`` and the system's own figure on stdout.

Each runs in the environment of its system as ``python -m rivals.NAME JOB.json [VARIANT]``.
Modules are named so that none hides the library it drives.
"""
