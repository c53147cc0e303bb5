"""Conversations in bulk, by jobs: `run` submits one, waits, reads its pages and deletes it.

`endpoints` are the single requests, of conversations and of users, `book` what is remembered of jobs, `gaps` looks behind pages without conversations.
"""
