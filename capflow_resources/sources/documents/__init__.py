"""Document stores: MongoDB, DynamoDB, CouchDB and Redis, read page by page into columns."""
