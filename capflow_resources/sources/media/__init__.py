"""Collections of pictures, recordings and texts: what lies there, and what its bytes are."""
