"""What S3, and what stands between us and S3, may do: each case ends in a right table or a named error.

A proxy on loopback (`lake.faulty_s3`) stands in front of the real S3 server and spoils some of its answers.
"""
