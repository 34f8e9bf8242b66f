"""How good the tuned model gets on a laptop, and with which hyperparameters: `make sweep` and `make quality`."""
