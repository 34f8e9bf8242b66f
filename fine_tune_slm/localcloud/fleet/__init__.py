"""The emulated GPU instance: it takes time to start, runs commands and containers for real, and ends them when it stops."""
