"""What can go wrong when a day is published.

PublishingError
├── InvalidLocation (ValueError)   not a folder, nor of the form s3://bucket/prefix
├── InvalidExpiry (ValueError)     a lifetime outside 1 second to 7 days
├── UploadRefused                  the place did not take a file
├── NotReadable                    a file, or its URL, cannot be read
│   └── Gone                       it is not there
├── Altered                        a file has other bytes than were written
│   └── InvalidManifest            a manifest that is none
├── Overtaken                      something else replaced the manifest at the same time
├── NotRefused                     without a signature S3 neither refused nor gave the file, which proves nothing
└── PubliclyReadable               anyone can read the file; it was deleted again
"""

from __future__ import annotations


class PublishingError(Exception):
    """A file was not published: no URL of it was handed out."""


class InvalidLocation(PublishingError, ValueError):
    """Neither a folder nor of the form s3://bucket/prefix."""


class InvalidExpiry(PublishingError, ValueError):
    """A lifetime outside 1 second to 7 days, the bounds of SigV4."""


class UploadRefused(PublishingError):
    """The place did not take the file."""


class NotReadable(PublishingError):
    """The file, or its presigned URL, cannot be read."""


class Gone(NotReadable):
    """The file is not there."""


class Altered(PublishingError):
    """The file has other bytes than were written."""


class InvalidManifest(Altered):
    """What stands where the manifest of a day should be is no manifest."""


class Overtaken(PublishingError):
    """Something else, mostly another run, replaced the manifest at the same time."""


class NotRefused(PublishingError):
    """Without a signature the answer was neither a refusal nor the file, which proves nothing."""


class PubliclyReadable(PublishingError):
    """Anyone can read what was published; it was deleted again."""
