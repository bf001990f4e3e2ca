"""One file per topic: what a profile makes one mind, in sentences with this dataset's numbers."""
