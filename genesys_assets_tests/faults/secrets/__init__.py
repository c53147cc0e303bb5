"""Where no secret may ever stand."""
