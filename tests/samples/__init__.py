"""What becomes of sample files: a table for people."""
