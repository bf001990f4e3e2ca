"""File formats, one per file; see :class:`advisor.reading.Reader` for the contract."""
