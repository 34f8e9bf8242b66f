"""The documents' pictures, made from a real kept run."""
