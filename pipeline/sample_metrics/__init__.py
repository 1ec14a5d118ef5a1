"""Musical statistics of generated samples."""
