"""What the API, and what pretends to be the API, may answer."""
