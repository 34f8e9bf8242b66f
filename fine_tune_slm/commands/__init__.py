"""One module for each verb of the command line: arguments in, a call, the answer out."""
