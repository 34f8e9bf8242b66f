"""The training process: it runs in the container on the GPU host and as a plain process on a laptop.

The only importer of torch. It may import slm_core and extraction, and nothing else of this project.
"""
