"""Answers that the API, or a program that pretends to be the API, may give."""
