"""Square pictures of bytes → embeddings: what runs a network here, each behind the same call."""
