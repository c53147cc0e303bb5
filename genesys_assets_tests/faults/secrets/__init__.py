"""Places where no secret may ever appear."""
