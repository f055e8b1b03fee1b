"""Backups: one archive for both databases, made while the product runs, and the way back from it."""
