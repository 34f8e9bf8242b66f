"""The task itself: what a record is, how a model is asked for it, and how an answer is scored.

Every other part of the project agrees on the meaning of a record through this package. It must not import torch,
boto3 or anything that opens a connection: a scorer that needs a GPU or a network is a scorer nobody runs.
"""
