"""Ideas for a faster training step, each measured against the plain one: what decision 0016 rests on."""
