"""Neural networks: the only folder, with the backbones and augmentations, that imports torch."""
