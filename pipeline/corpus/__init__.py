"""From a manifest to Parquet tables of notes and pieces."""
