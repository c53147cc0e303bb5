"""Conversations and users' status in bulk, by jobs: `run` submits one, waits, reads its pages and deletes it.

`endpoints` are the single requests, `book` what is remembered of jobs, `gaps` looks behind pages without conversations.
"""
