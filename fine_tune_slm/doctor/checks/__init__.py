"""One file a check; a check reads and never writes."""
