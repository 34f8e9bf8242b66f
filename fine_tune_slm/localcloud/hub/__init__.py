"""A local Hub: the HTTP API that huggingface_hub speaks, over repositories kept on this disk."""
