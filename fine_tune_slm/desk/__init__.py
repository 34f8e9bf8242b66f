"""The operator's desk: one way to find, watch, start, stop and compare runs, on this machine and in an account."""
