"""How tables are read: files and frames → columns of known kinds and encoded targets.

``levels`` (cells), ``columns`` (the schema), ``kinds`` (what a column is), ``dialect`` (how a text file is written),
``decimals`` (what its commas mean),
``reading`` (one file), ``folders`` and ``inputs`` (which files or frames belong together), ``target_names`` and
``targets`` (what is to be predicted). :func:`advisor.dataset.read_dataset` is what the rest of the house uses.
"""
