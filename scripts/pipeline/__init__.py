"""What the GitHub workflows ask of AWS, where a line of shell could not be tested. They need boto3 and nothing else."""
