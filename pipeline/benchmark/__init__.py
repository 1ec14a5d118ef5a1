"""What models cost: operations, latency, memory."""
