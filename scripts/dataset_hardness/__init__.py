"""Three cheap baselines that a good dataset must withstand: nearest neighbour, linear and rules.

A development tool, kept out of the shipped packages because it needs scikit-learn. What the bounds are for: a note that
a lookup, a bag of words or a word list can label teaches a language model nothing.
"""
