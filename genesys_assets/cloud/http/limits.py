"""How much of this machine an answer may take: every limit on what a host may send, each with its reason.

Whatever answers may be broken, slow or not the platform at all. Each limit is far above what the platform sends, and
ends in an error with a name. How often and for how long a failed request is repeated is decided in `retry`.
"""

from __future__ import annotations

MIB = 1 << 20

LONGEST_EXCHANGE = 100.0
"""Seconds from the request to the last byte of its answer. The platform's gateway itself gives up after a minute; a
large page takes seconds. Shorter than `details_jobs.GRACE`, after which no answer to a submission is waited for.
"""

MOST_RECEIVED = 28 * MIB
"""Bytes of one answer on the wire, and unpacked (`MOST_UNPACKED`). As Python objects a page takes about eight times
its bytes, so that one answer stays below 300 MiB. Pages of 100 conversations have 0.4 to 2 MiB. Whoever asked for
more is told `AnswerTooLarge` and asks for less at once.
"""

MOST_UNPACKED = MOST_RECEIVED

MOST_OF_AN_ERROR = MIB // 16
"""Bytes that are read of an answer that refuses: the platform's have less than 2 KiB, a gateway's pages 20."""

MOST_OF_A_LOGIN = MIB // 16
"""Bytes of the answer to a login: a token and three other fields, in less than 1 KiB."""

DEEPEST = 64
"""How deep JSON may be nested. Conversations are nested 12 deep. What is nested deeper than a few hundred cannot be
written again, nor read by others.
"""

MOST_VALUES = 5 * MIB // 4
"""Values, lists and objects in one answer. A page of the largest size has one for every 14 to 25 bytes; an answer of
nothing but `{},` would take 24 times its bytes.
"""

COUNT_VALUES_FROM = 2 * MIB
"""Bytes below which values are not counted: even `{},` all the way takes less than 50 MiB then."""

MOST_IN_FLIGHT = 192 * MIB
"""Memory of all answers that are read ahead, as Python objects: pages of 1 MiB on each of 16 threads. The one answer
that is waited for comes on top.
"""

MOST_AHEAD = 2 * MIB
"""Bytes of one answer that are read ahead; more are read of the one answer that is waited for."""

TIMES_PARSED = 11
"""How many times its bytes a usual page takes once it is parsed."""

LONGEST_TOKEN = 8192
"""Characters of a token: servers refuse headers that are longer. The platform's have 86."""

LONGEST_LIFE = 48 * 3600.0
"""Seconds for which a token is used: the most that a client can be set to."""

LONGEST_WORDS = 500
"""Characters of the platform's own words in a message: they go to logs, to Dagster's events and to people."""

LONGEST_ADDRESS = 8192
"""Characters of a cursor or of the address of a next page: servers refuse URLs that are longer."""

MOST_PAGES = 5_000
"""Pages of one listing: half a million entities, 17 minutes at 300 requests a minute. Jobs that read listings are
ended after an hour.
"""

MOST_LISTED = 192 * MIB
"""Bytes of all pages of one listing, which are held together: 190,000 entities of 1 KiB."""

MOST_PAGES_OF_NOW = 1_000
"""Pages of what is going on now: 100,000 groups, 3 minutes. Every 5 minutes there is another snapshot."""

MOST_CURSORS = 20_000
"""Pages of one details job: 20 million conversations, 67 minutes. Jobs that read them are ended after four hours."""
