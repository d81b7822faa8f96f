"""What has changed since the last read: by a watermark, in the columns, in the rows."""
