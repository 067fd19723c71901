"""The protocol language: YAML to a typed model to a plan of trials."""
