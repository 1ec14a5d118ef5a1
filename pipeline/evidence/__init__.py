"""What was found, and the pages and tables that show it."""
