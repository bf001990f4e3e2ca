"""Search spaces as data: one TOML per strategy, read by :mod:`advisor.space`."""
