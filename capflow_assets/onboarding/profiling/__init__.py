"""Find the sources behind a URI, and profile their tables: what the values say, whatever the columns are called."""
