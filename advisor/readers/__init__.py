"""File formats, one per file; see :class:`advisor.tables.reading.Reader` for the contract."""
