"""Backups of the database: made once, made on a schedule, and restored."""
