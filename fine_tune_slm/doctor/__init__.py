"""`fine-tune-slm doctor`: what can be known to fail before a GPU starts, looked at without cost and without effect.

Each check is a function in a file of its own below `checks`, from a context to one finding; `registry.py` lists them.
"""
