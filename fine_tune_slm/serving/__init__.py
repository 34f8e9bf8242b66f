"""The page of `fine-tune-slm serve`: a note in a browser, its record and evidence back, on this machine.

No note is written to a disk or a log here: it goes from the request to the model's process and from there into the
answer. torch is not imported; the model runs as `python -m training extract`.
"""
