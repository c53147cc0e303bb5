"""What people bring to the import: spellings and layouts that their tools write, files that are damaged, files that are
meant to harm. Each ends in the right rows or in a named error; nothing is lost without a word.
"""
