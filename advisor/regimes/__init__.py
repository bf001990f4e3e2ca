"""One file per modality: the cells of the partition of all its datasets."""
