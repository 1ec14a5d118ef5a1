"""Retraining, and the judgement whether what came out is better."""
