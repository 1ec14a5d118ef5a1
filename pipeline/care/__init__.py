"""Whether all is well here, and what to do where it is not."""
