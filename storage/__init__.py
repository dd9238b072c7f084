"""Where it is kept: Postgres, S3, Redis."""
