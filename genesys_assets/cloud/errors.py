"""Everything that can go wrong between here and Genesys Cloud, as one tree of exceptions.

Here stand the classes and what each one carries. Which answer becomes which error is decided in `answers`;
which error is worth another try is decided in `retry`. No message ever holds a client secret or a token.
"""

from __future__ import annotations

from datetime import datetime


class GenesysCloudError(Exception):
    """Any failure of a request to Genesys Cloud; `str()` ends with the status, the API's code and the
    correlation id.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.correlation_id = correlation_id

    def __str__(self) -> str:
        parts = [
            f"HTTP {self.status}" if self.status else "",
            self.code or "",
            f"correlation id {self.correlation_id}" if self.correlation_id else "",
        ]
        known = ", ".join(part for part in parts if part)
        return f"{self.message} ({known})" if known else self.message


class UnknownRegion(GenesysCloudError):
    """The region or address given is none of Genesys Cloud's; the message names the closest ones."""


class InvalidQuery(GenesysCloudError):
    """A query refused before any request was made."""


class LoginRefused(GenesysCloudError):
    """The login host gave no token."""


class WrongClientId(LoginRefused):
    """The login host does not know the OAuth client."""


class WrongClientSecret(LoginRefused):
    """The login host knows the OAuth client, and the secret is not its secret."""


class ForeignHost(GenesysCloudError):
    """A request would have taken the token to another host than the API's; it was not sent."""


class Unauthorized(GenesysCloudError):
    """The API refused a token that had just been renewed."""


class MissingPermission(GenesysCloudError):
    """The OAuth client's roles lack a permission; `permissions` are those the API named."""

    permissions: tuple[str, ...] = ()


class BadRequest(GenesysCloudError):
    """The API did not accept the request; the message is the API's own."""


class NotFound(GenesysCloudError):
    """The API knows nothing at that path."""


class TooLarge(GenesysCloudError):
    """More was asked than one request may carry or one answer may hold."""


class AnswerTooLarge(TooLarge):
    """The answer holds more than the platform sends at once, or than is read of one answer: ask for less."""


class RateLimited(GenesysCloudError):
    """The request budget is used up. `retry_after` is in seconds and None where the API did not say."""

    retry_after: float | None = None
    retry_at: datetime | None = None


class Unreachable(GenesysCloudError):
    """No answer at all: no connection, no such host, or none in time. `may_have_arrived` is False where not
    even a connection was made.
    """

    host: str = ""
    may_have_arrived: bool = True


class ServerTrouble(GenesysCloudError):
    """The platform failed (408 or 5xx). `retry_after` is what it asked to wait, in seconds, if it did."""

    retry_after: float | None = None


class CircuitOpen(ServerTrouble):
    """The platform has been unavailable for so long that calls fail at once. `retry_in` is in seconds."""

    retry_in: float = 0.0


class BrokenAnswer(GenesysCloudError):
    """A body that is not a complete JSON object: cut short, empty, HTML, or another content."""


class UnexpectedAnswer(GenesysCloudError):
    """Sound JSON that lacks what this endpoint's answers always have."""


class EndlessPages(UnexpectedAnswer):
    """Pages that would never end: each leads on, and none brings anything new."""


class JobError(GenesysCloudError):
    """A details job gave no conversations; `state` is the platform's word, None where there is no job to ask
    about.
    """

    def __init__(self, message: str, *, job_id: str | None = None, state: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.state = state


class JobFailed(JobError):
    """The platform gave up on the job, and on the one submitted in its place."""


class JobExpired(JobError):
    """The job's results were gone before they were read, and so were those of the one in its place."""


class JobCancelled(JobError):
    """Somebody cancelled the job."""


class JobTooSlow(JobError):
    """The job was not done by the deadline. It is left to go on, and the next try takes it up."""


class SubmissionLost(JobError):
    """The answer to a submission was lost, so that nobody knows whether there is a job."""


class DownloadFailed(GenesysCloudError):
    """A file of the data lake extraction could not be downloaded. The message names the file, never its signed URL."""


class FileGone(DownloadFailed):
    """The platform lists the file and gives no URL for it: it has expired."""


class UrlNotTrusted(DownloadFailed):
    """A signed URL leads to where nothing is downloaded from: neither https, nor this machine."""


class UrlRefused(DownloadFailed):
    """The host of the files refused each signed URL that the platform gave for the file."""


class NotAParquetFile(DownloadFailed):
    """What was downloaded is no whole Parquet file."""
