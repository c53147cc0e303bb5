"""The hard days: what loses, doubles or distorts rows elsewhere, each played through real assets and the sandbox.

Every scenario ends with tables compared row by row with the organisation's own conversations, in plain Python.
"""
