"""How pictures and log-mel pictures are varied for training, with labels or without."""
