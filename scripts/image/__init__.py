"""Builds training/Dockerfile and runs it once on a machine with neither Docker nor a registry: `make image`."""
