"""Measures the training engine and the generation against what people would use instead, in one interleaved run.

Every contender is a process of its own, so that peak memory and CPU seconds are its own, and only the one whose turn it
is works. The side that directs them must not import torch: it stays small and takes no processor time from them.
"""
