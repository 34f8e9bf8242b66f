"""`python -m training`: the entry point of the training image."""

import sys

from training.cli import main

if __name__ == "__main__":
    sys.exit(main())
