"""The programs that are measured, each run in a process of its own: ours with the package, a peer in its own venv.

A peer's program stands alone: it imports its library, the standard library and `rounds`, never the package. The
benchmarks decide which of them run, on what and how often.
"""
