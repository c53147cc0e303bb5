"""The hard days: situations that lose, double or distort rows elsewhere, each played with real assets and the sandbox.

Every scenario ends with tables compared row by row with the organisation's own conversations, in plain Python.
"""
