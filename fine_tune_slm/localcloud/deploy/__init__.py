"""Deploying the project's own template.yaml into the emulated AWS: package, translate, create the stack."""
