"""One file per modality: Dataset → the profile of that modality."""
