"""Bulk details jobs, of conversations and of agents' status.

`run` submits a job, waits, reads its pages and deletes it
`endpoints` the single requests
`book` notes on submitted jobs, so that none is submitted twice
`gaps` checks whether an empty page hides missing conversations
"""
