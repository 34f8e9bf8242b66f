"""Lambda: handlers run under AWS's own runtime client, one process for each concurrent invocation."""
