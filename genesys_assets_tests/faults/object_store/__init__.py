"""Faults of S3, and of machines between us and S3: each case ends in a correct table or a named error.

A proxy on loopback (`lake.faulty_s3`) stands in front of the real S3 server and spoils some of its answers.
"""
