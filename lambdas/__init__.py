"""One thin handler per Task state of the workflow; they parse, delegate to slm_core and serialise."""
