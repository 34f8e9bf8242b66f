"""The casebook writes the synthetic dataset: a patient case, the facts a note states, the note and its labels.

Everything is drawn from hand-written data files through seeded streams; no language model takes part and no real
patient is described. It imports `extraction` for the record schema and nothing else of the project.
"""

GENERATOR_VERSION = "2.0.0"
