"""Writes the pages that the code knows better than a hand does; tests hold that each page is what this writes."""
