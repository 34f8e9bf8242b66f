"""A world in virtual time: the real workflow file and the real handlers on an emulated AWS with an emulated host."""
