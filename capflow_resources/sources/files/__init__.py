"""Files: CSV, JSON lines, Parquet and Delta, on this machine, on S3 or on a store of fsspec, within the root."""
