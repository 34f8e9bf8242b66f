"""What a training needs before it starts: memory, time and money, as arithmetic that a reader can redo.

Pure: pydantic alone, no torch, no network, so that a Lambda, the container and the operator's command line share it.
"""
