"""A world for the workflow in which time is virtual: the real workflow file, the real handlers, an emulated AWS and host."""
