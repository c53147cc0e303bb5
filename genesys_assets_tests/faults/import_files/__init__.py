"""Files that people may import: spellings and layouts of their tools, damaged files, and harmful files. Each ends in
the right rows or in a named error; no data is lost silently.
"""
