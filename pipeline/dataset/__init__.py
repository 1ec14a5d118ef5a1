"""From Parquet tables to training batches."""
