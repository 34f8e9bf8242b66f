"""What the scanners of `make check` are given: they read files of one kind, and some of ours lie inside of others."""
