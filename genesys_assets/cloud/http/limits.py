"""Limits on what a host may send, each with its reason.

The host that answers may be broken, slow or not the platform at all. Each limit is far above what the platform sends,
and ends in an error with a name. `retry` decides how often and for how long a failed request is repeated.
"""

from __future__ import annotations

MIB = 1 << 20

LONGEST_EXCHANGE = 100.0
"""Seconds from the request to the last byte of its answer. The platform's gateway itself gives up after a minute
(observed, not documented); a large page takes seconds. This is shorter than `jobs.run.GRACE`, after which the answer to
a submission counts as lost.
"""

MOST_RECEIVED = 28 * MIB
"""Bytes of one answer on the wire, and unpacked (`MOST_UNPACKED`). As Python objects a page takes `TIMES_PARSED` times
its bytes, so one answer stays near 300 MiB. Pages of 100 conversations have 0.4 to 2 MiB. An answer above the limit
raises `AnswerTooLarge`, and the caller asks for less per request.
"""

MOST_UNPACKED = MOST_RECEIVED

MOST_OF_AN_ERROR = MIB // 16
"""Bytes that are read of a refusal. The platform's have less than 2 KiB, a gateway's pages 20 KiB."""

MOST_OF_A_LOGIN = MIB // 16
"""Bytes of the answer to a login: a token and three other fields, in less than 1 KiB."""

DEEPEST = 64
"""Levels of nesting in JSON. Conversations have 12. JSON with more than a few hundred cannot be written again, nor read
by others.
"""

MOST_VALUES = 5 * MIB // 4
"""Values, lists and objects in one answer. A page of 100 conversations has one for every 14 to 25 bytes. An answer of
nothing but `{},` would take 24 times its bytes in memory.
"""

COUNT_VALUES_FROM = 2 * MIB
"""Bytes below which values are not counted: even nothing but `{},` then takes less than 50 MiB."""

MOST_IN_FLIGHT = 192 * MIB
"""Memory of all answers that are read ahead, as Python objects: pages of 1 MiB on each of 16 threads. The answer that
is needed next comes on top.
"""

MOST_AHEAD = 2 * MIB
"""Bytes of one answer that are read ahead. More are read only of the answer that is needed next."""

TIMES_PARSED = 11
"""How many times its bytes a usual page takes once it is parsed."""

LONGEST_TOKEN = 8192
"""Characters of a token. Servers refuse longer headers. Observed tokens of the platform have 86."""

LONGEST_LIFE = 48 * 3600.0
"""Seconds for which a token is used: the longest life that a client can be set to. Source: accessTokenValiditySeconds
of OAuthClientRequest in the platform's SDK.
"""

LONGEST_WORDS = 500
"""Characters of the platform's own words in a message, which appears in logs, in Dagster's events and to people."""

LONGEST_URL = 8192
"""Characters of a cursor or of the URL of a next page. Servers refuse longer URLs."""

MOST_PAGES = 5_000
"""Pages of one listing: half a million entities, 17 minutes at 300 requests a minute. The job `upkeep`, which reads
listings, ends after an hour.
"""

MOST_LISTED = 192 * MIB
"""Bytes of all pages of one listing, which are in memory together: 190,000 entities of 1 KiB."""

MOST_SNAPSHOT_PAGES = 1_000
"""Pages of one live snapshot: 100,000 groups, 3 minutes. The next snapshot is due after 5 minutes."""

MOST_CURSORS = 20_000
"""Pages of one details job: 20 million conversations, 67 minutes. Runs that read them end after four hours."""
