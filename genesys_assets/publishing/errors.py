"""The errors of publishing.

PublishingError
├── InvalidLocation (ValueError)   not a folder, nor of the form s3://bucket/prefix
├── InvalidExpiry (ValueError)     a lifetime outside 1 second to 7 days
├── UploadRefused                  the place did not accept a file
├── NotReadable                    a file, or its URL, cannot be read
│   ├── NotPermitted               S3 did not permit it: the file may not exist
│   └── Gone                       the file no longer exists
├── AlteredFile                    a file has other bytes than were written
│   └── InvalidManifest            the file of a manifest is not a manifest
├── ConcurrentPublish              another writer replaced the manifest at the same time
├── NotRefused                     without a signature S3 neither refused nor returned the file: it may be public
└── PubliclyReadable               anyone can read the file; the message says whether it could be deleted again
"""

from __future__ import annotations


class PublishingError(Exception):
    """Publishing a file, or reading or removing a published one, failed. The error holds no URL of it."""


class InvalidLocation(PublishingError, ValueError):
    """The place to publish to is neither a folder nor s3://bucket/prefix."""


class InvalidExpiry(PublishingError, ValueError):
    """The lifetime of a presigned URL is outside 1 second to 7 days, the limits of AWS Signature Version 4."""


class UploadRefused(PublishingError):
    """The bucket or folder did not accept the file."""


class NotReadable(PublishingError):
    """A published file or its presigned URL cannot be read."""


class NotPermitted(NotReadable):
    """S3 did not permit reading the file. Without the permission to list, it gives the same answer for files that do
    not exist.
    """


class Gone(NotReadable):
    """A published file no longer exists."""


class AlteredFile(PublishingError):
    """A published file has other bytes than were written."""


class InvalidManifest(AlteredFile):
    """The file in the place of a day's manifest is not a manifest."""


class ConcurrentPublish(PublishingError):
    """Another writer, mostly another run, replaced the manifest at the same time."""


class NotRefused(PublishingError):
    """A request without signature got neither a refusal nor the file, so it is unknown whether the file is private."""


class PubliclyReadable(PublishingError):
    """Anyone can read the published file. The message says whether it could be deleted again."""
