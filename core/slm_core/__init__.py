"""What crosses a process boundary: errors, settings, records, layout and the gateways to AWS and the Hub.

Imported by the Lambdas, the training container and the command line; imports nothing of theirs.
"""
