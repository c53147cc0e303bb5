"""The errors of requests to Genesys Cloud, as one tree of exceptions: docs/errors.md draws it. Only `UsageNotCounted`
is declared elsewhere, in `api_usage`.

`answers` decides which answer becomes which error, and `retry` which error is retried. No message holds a client
secret or a token.
"""

from __future__ import annotations


class GenesysCloudError(Exception):
    """Any failure of a request. `str()` ends with the status, the API's code and the correlation id."""

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
    """The given region or URL is not one of Genesys Cloud's. The message names the closest ones."""


class InvalidQuery(GenesysCloudError):
    """A query is invalid. It was refused here, before any request."""


class LoginRefused(GenesysCloudError):
    """The login host issued no token."""


class WrongClientId(LoginRefused):
    """The login host does not know the OAuth client."""


class WrongClientSecret(LoginRefused):
    """The login host knows the OAuth client, but not with this secret."""


class ForeignHost(GenesysCloudError):
    """A request would have sent the token to another host than the API's. It was not sent."""


class Unauthorized(GenesysCloudError):
    """The API refused a token that had just been renewed."""


class MissingPermission(GenesysCloudError):
    """The roles of the OAuth client lack a permission. `permissions` are those that the API named."""

    permissions: tuple[str, ...] = ()


class BadRequest(GenesysCloudError):
    """The API did not accept the request. The message quotes the API's reason."""


class NotFound(GenesysCloudError):
    """The API has nothing at that path."""


class TooLarge(GenesysCloudError):
    """The request, its answer or a whole listing would be larger than the API or this project allows."""


class AnswerTooLarge(TooLarge):
    """The answer is larger than the limit of the platform or of this project: request less."""


class RateLimited(GenesysCloudError):
    """The rate limit is used up. `retry_after` is in seconds, and None if the API did not say."""

    retry_after: float | None = None


class Unreachable(GenesysCloudError):
    """No answer arrived: no connection, unknown host, or time ran out. `may_have_arrived` says whether the request may
    have reached the host; it is False if no connection was made.
    """

    host: str = ""
    may_have_arrived: bool = True


class ServerTrouble(GenesysCloudError):
    """The platform failed (408 or 5xx). `retry_after` is in seconds, and None if the API did not say."""

    retry_after: float | None = None


class CircuitOpen(ServerTrouble):
    """The platform has been down for so long that calls fail at once. `retry_in` is in seconds."""

    retry_in: float = 0.0


class BrokenAnswer(GenesysCloudError):
    """A body is not a complete JSON object: it was cut short, is empty, or is HTML."""


class UnexpectedAnswer(GenesysCloudError):
    """The answer is valid JSON, but lacks something that answers of this endpoint always have."""


class EndlessPages(UnexpectedAnswer):
    """Paging does not end: a page brings nothing new, or there are more pages than this project reads."""


class JobError(GenesysCloudError):
    """A details job delivered no pages. `state` is the state that the platform gave; None if no job is known."""

    def __init__(self, message: str, *, job_id: str | None = None, state: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.state = state


class JobFailed(JobError):
    """The platform gave up on the job, and on the second one submitted in its place."""


class JobExpired(JobError):
    """The results of the job expired before they were read, and so did those of the second one."""


class JobCancelled(JobError):
    """Somebody cancelled the job."""


class JobTooSlow(JobError):
    """The job did not finish by the deadline. It keeps running, and the next attempt reads it."""


class SubmissionLost(JobError):
    """The answer to a submission was lost, so it is unknown whether the job exists."""


class DownloadFailed(GenesysCloudError):
    """A file of the data lake extraction could not be downloaded. The message names the file, never its signed URL."""


class FileGone(DownloadFailed):
    """The platform lists the file but gives no URL for it: the file has expired."""


class UrlNotTrusted(DownloadFailed):
    """A signed URL is neither https nor on this machine, so nothing is downloaded from it."""


class UrlRefused(DownloadFailed):
    """The host refused each signed URL that the platform gave for the file."""


class NotAParquetFile(DownloadFailed):
    """The download is not a whole Parquet file."""
