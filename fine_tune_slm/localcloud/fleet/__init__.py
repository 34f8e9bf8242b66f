"""The emulated GPU instance: it takes time to start, runs commands and containers, ends them when it stops."""
