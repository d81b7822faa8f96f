"""Embeddings of texts, pictures and recordings: encoders, and how vectors are made and kept."""
