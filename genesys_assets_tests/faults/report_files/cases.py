"""Files with accidents or attacks: the message for each, and those that are valid anyway."""

from __future__ import annotations

from itertools import pairwise

from genesys_assets_tests.reports.language.mistakes import of_details, of_entry, of_filter, of_metric

QUEUE = "bea0c6c7-613d-4a23-ae4a-74481d4dc48e"
_BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n" for before, name in pairwise("abcdefgh")
)
_VIEWS = ", ".join(f"v{number}: {{target: tHandle, lt: 5}}" for number in range(11))


def of_reports(count: int) -> str:
    entry = "description: One row., aggregates: {metrics: {n: nOffered}}"
    return "reports:\n" + "".join(f"  r{number}: {{{entry}}}\n" for number in range(count))


def of_where(table: str, where: str) -> str:
    return of_details(f"      table: {table}\n      where: {where}\n      measures: {{n: count}}\n").replace(
        "    group_by: [queueId]\n", ""
    )


def of_group(name: str) -> str:
    details = f"      table: sessions\n      group_by: {{'{name}': queue_id}}\n      measures: {{n: count}}\n"
    return of_details(details).replace("[queueId]", f"['{name}']")


def of_users(filter_: str) -> str:
    users = f"    aggregates: {{family: users, metrics: {{n: tSystemPresence.sum}}, filter: {filter_}}}\n"
    return of_entry(users, metrics=False).replace("[queueId]", "[userId]")


def of_times(column: str) -> str:
    metrics = "    aggregates: {metrics: {handled: tHandle.count, time: tHandle.sum}}\n"
    return of_entry(f"{metrics}    columns:\n      x: {column}\n", metrics=False)


def of_view(bound: str) -> str:
    view = f"{{target: tHandle, {bound}}}"
    return of_entry(f"    aggregates: {{metrics: {{n: f.count}}, views: {{f: {view}}}}}\n", metrics=False)


def of_columns(count: int) -> str:
    columns = ", ".join(f"c{number}: handled" for number in range(count))
    return of_entry(f"    columns: {{{columns}}}\n")


def _nested(levels: int, begin: str, end: str, inside: str = "x") -> str:
    return begin * levels + inside + end * levels


REFUSED: dict[str, tuple[str, str]] = {
    # -- larger or deeper than anybody writes
    "brackets within brackets": ("a: " + "[" * 1000, "nested more than 50 levels deep"),
    "brackets that close": (f"a: {_nested(1000, '[', ']')}", "nested more than 50 levels deep"),
    "braces within braces": (f"a: {_nested(1000, '{a: ', '}')}", "nested more than 50 levels deep"),
    "lists within lists in a line": ("- " * 1000 + "x", "nested more than 50 levels deep"),
    "keys within keys in a line": ("? " * 1000 + "x", "nested more than 50 levels deep"),
    "mappings by indentation": (
        "".join(" " * depth + "a:\n" for depth in range(60)),
        "nested more than 50 levels deep",
    ),
    "a filter nested deeper than a file": (of_filter(_nested(60, "{and: [", "]}")), "nested more than 50 levels deep"),
    "a filter nested deeper than a condition": (
        of_filter(_nested(12, "{and: [", "]}", "{mediaType: voice}")),
        "conditions must be nested at most 10 deep",
    ),
    "more bytes than are read": ("# x\n" * 75_001, "has more than 300,000 characters"),
    "more values than are read": ("- x\n" * 20_001, "has more than 20,000 values"),
    "more reports than are loaded": (of_reports(201), "a file holds at most 200 reports, this one has 201"),
    "more columns than are shown": (of_columns(201), "columns must have at most 200 entries, got 201"),
    "more figures than are gathered": (
        of_entry(
            f"    aggregates: {{metrics: {{{', '.join(f'n{n}: nOffered' for n in range(201))}}}}}\n", metrics=False
        ),
        "metrics must have at most 200 entries, got 201",
    ),
    "more views than the platform counts": (
        of_entry(f"    aggregates: {{metrics: {{n: v0.count}}, views: {{{_VIEWS}}}}}\n", metrics=False),
        "a source must have at most 10 views, got 11",
    ),
    "a key as long as a page": (f"reports: {{{'k' * 101}: 1}}\n", "a key must have at most 100 characters"),
    "a text as long as a book": (of_entry(f"    chart: {{x: {'x' * 10_001}, y: n}}\n"), "at most 10,000 characters"),
    "a number of thousands of digits": (of_entry(f"    top: {'9' * 5000}\n"), "a number must have at most 18 digits"),
    "a number of 19 digits": (of_filter(f"{{ani: {'4' * 19}}}"), "Put it in quotes if it is text"),
    "a number beyond all numbers": (of_entry("    top: 1.0e+999\n"), "a number must have at most 18 digits"),
    "a fraction of hundreds of digits": (of_entry(f"    top: 1.{'3' * 400}\n"), "a number must have at most 18 digits"),
    "aliases that unfold without end": (_BOMB, "once aliases (*name) are filled in"),
    "an alias within itself": ("reports: &all\n  one: *all\n", "or an alias stands inside the value that it repeats"),
    "more mistakes than anybody reads": (
        "reports:\n" + "".join(f"  R{number}: 1\n" for number in range(150)),
        "more mistakes are not listed",
    ),
    # -- YAML that reports have no use for
    "an alias of nothing": ("reports: *none\n", "undefined alias"),
    "merged fields": (of_entry("    <<: {top: 5}\n"), "merges (<<) are not read"),
    "a tag that would call a function": (
        "reports: !!python/object/apply:os.system ['true']\n",
        "the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not read here",
    ),
    "a tag of an object": ("reports: !!python/object:os.x {a: b}\n", "is not read here. Take it out"),
    "a tag of a name": ("reports: !!python/name:os.system ''\n", "is not read here. Take it out"),
    "a tag of bytes": ("reports: {a: !!binary aGk=}\n", "is not read here. Take it out"),
    "a tag of a set": ("reports: !!set {a, b}\n", "is not read here. Take it out"),
    "a tag of somebody's own": ("reports: !mine {a: b}\n", "the tag '!mine' is not read here"),
    "two documents": ("reports: {}\n---\nreports: {}\n", "expected a single document"),
    "a version of YAML to come": ("%YAML 9.9\n---\nreports: {}\n", "is not YAML"),
    "a character that ends texts": (
        "reports: {}\n# \0\n",
        "2:3: the file is not YAML: the character '\\x00' is not allowed",
    ),
    "a character that terminals obey": ("# \x1b[31m\n", "the character '\\x1b' is not allowed"),
    "an escape that terminals obey": ('reports: {"a\\e[31m": 1}\n', "reports.a\\x1b[31m: "),
    "a tab for indentation": ("reports:\n\tcalls: x\n", "Indent with spaces, not with tabs"),
    "a space of a web page for indentation": (
        "reports:\n\u00a0\u00a0calls: x\n",
        "2:1: the line begins with the character '\\xa0', which is no space. Indent with spaces",
    ),
    "a mark of UTF-8 within": ("reports:\n\ufeff  calls: x\n", "begins with the character '\\ufeff'"),
    "a quote that does not close": ("reports: 'calls\n", "Close the quotes"),
    "a bracket that does not close": ("reports: {calls: [\n", "Close what was opened"),
    "a bracket that another one closes": ("reports: {calls: [a}\n", "Close what was opened, in its order"),
    "a colon too many": ("reports: calls: x\n", "Put a text that has a colon in quotes"),
    "a line between two indentations": (
        of_entry("").replace("    group_by", "   group_by"),
        "Indent the fields of one mapping by as many spaces",
    ),
    "a text that begins with @": (of_entry("").replace("One row", "@all"), "Put the text in quotes"),
    "a text that begins with a star": (of_entry("").replace("One row", "*all*"), "Put the text in quotes"),
    "a key twice": (of_entry("    group_by: [mediaType]\n"), "'group_by' stands here twice"),
    "a report twice": ("reports:\n  a: {}\n  a: {}\n", "'a' stands here twice"),
    "a list for a key": ("reports:\n  ? [a]\n  : b\n", "a key must be text"),
    "a mapping for a key": ("reports:\n  ? {a: b}\n  : b\n", "a key must be text"),
    "nothing for a key": ("reports: {? : b}\n", "a name must begin with a small letter"),
    "a number for a name": ("reports:\n  1: {}\n", "a name must begin with a small letter"),
    # -- another shape
    "a list of reports": ("reports: [a, b]\n", "reports must be a mapping of names to values, got a list"),
    "a text for reports": ("reports: calls\n", "reports must be a mapping of names to values, got 'calls'"),
    "true for reports": ("reports: true\n", "reports must be a mapping of names to values, got true"),
    "a list for a file": ("- reports\n", "the file must be a mapping of names to values, got a list"),
    "a number for a file": ("5\n", "the file must be a mapping of names to values, got 5"),
    "a file of something else": ("version: 2\n", "unknown field 'version'"),
    "a report at the top": ("calls: {}\n", "unknown field 'calls'. Reports stand below `reports:`, and are indented."),
    "a mistyped reports": ("report: {}\n", "unknown field 'report'. Closest: reports"),
    "a report that is nothing": ("reports: {calls: }\n", "calls must be a mapping of names to values, got nothing"),
    "a report that is a list": ("reports: {calls: [a]}\n", "calls must be a mapping of names to values, got a list"),
    "a description that is nothing": (of_entry("").replace(" One row per queue.", ""), "description must be text"),
    "a description that is a number": (of_entry("").replace("One row per queue.", "5"), "Put it in quotes: '5'"),
    "a group that is a text": (of_entry("").replace("[queueId]", "queueId"), "Write [queueId]"),
    "a group within a group": (of_entry("").replace("[queueId]", "[[queueId]]"), "each of group_by must be text"),
    "a group twice": (of_entry("").replace("[queueId]", "[queueId, queue]"), "stands in group_by twice"),
    "a name of a path": ("reports: {'../../etc/passwd': {}}\n", "a name must begin with a small letter"),
    "a name of other letters": ("reports: {\u0441\u0430lls: {}}\n", "a name must begin with a small letter"),
    "a name that turns round": ('reports: {"ca\\u202ells": {}}\n', "a name must begin with a small letter"),
    "a name that is too long": (f"reports: {{{'n' * 64}: {{}}}}\n", "at most 63 small letters"),
    "a name of a published file": ("reports: {manifest: {}}\n", "a published file of every day is called manifest"),
    "a figure that is a word of Python": (
        of_entry("    aggregates: {metrics: {class: nOffered}}\n", metrics=False),
        "Choose another name",
    ),
    "a figure that is a function": (
        of_entry("    aggregates: {metrics: {total: nOffered}}\n", metrics=False),
        "total is a word of formulas",
    ),
    "a column of every report": (of_entry("    columns: {interval_start: handled}\n"), "Choose another name"),
    "a time zone of a path": (of_entry("    time_zone: ../../etc/passwd\n"), "is not an IANA time zone name"),
    "a time zone of nothing": (of_entry("    time_zone: ''\n"), "time_zone must not be empty"),
    "a time zone of this machine": (of_entry("    time_zone: localtime\n"), "is not an IANA time zone name"),
    "a granularity with a blank": (of_entry("    granularity: 'PT1H '\n"), "granularity must be one of"),
    "no columns at all": (of_entry("    columns: {}\n"), "columns must not be empty"),
    "a sum of nothing": (of_details("      table: sessions\n      measures: {n: {sum: }}\n"), "sum must name a column"),
    "a percentile in quotes": (
        of_details("      table: session_metrics\n      measures: {n: {percentile: value, at: '95'}}\n"),
        "at must be a number, got '95'. Write 95 without quotes",
    ),
    "a formula of a spreadsheet for a group": (of_group("=1+1"), "'=1+1' cannot be the name of a column"),
    "a group that no reader of tables can name": (of_group("a b,c"), "'a b,c' cannot be the name of a column"),
    "a group of other letters": (of_group("\u0430ni"), "cannot be the name of a column"),
    "a group called as formulas call the interval": (of_group("interval_ms"), "cannot be the name of a column"),
    "a chart of lists": (
        of_details(
            "      table: sessions\n      measures: {n: count, flows: {distinct: flow_name}}\n"
            "    chart: {x: flows, y: n}\n"
        ),
        "flows is a list, which is no label of a bar",
    ),
    "no row of each interval": (of_entry("    top: 0\n"), "top must be 1 or more, got 0"),
    "a part of a row": (of_entry("    top: 1.5\n"), "top must be a whole number, got 1.5"),
    "true for a number": (of_entry("    top: true\n"), "top must be a whole number, got true"),
    "more rows than there are": (of_entry("    top: 1000000000000\n"), "top must be 1000000 or less"),
    "more digits than are kept": (of_entry("    columns: {handled: {digits: 10}}\n"), "digits must be 9 or less"),
    "fewer digits than none": (of_entry("    columns: {handled: {digits: -1}}\n"), "digits must be 0 or more"),
    "a direction there is not": (of_entry("    order_by: [handled sideways]\n"), "'sideways' is no direction"),
    # -- one level off
    **{
        f"{field} beside the sources": (
            of_entry(f"    {field}: {value}\n"),
            f"It is a field of {place}. Move it there.",
        )
        for place, fields in {
            "`aggregates`": {"filter": "{mediaType: voice}", "metrics": "{n: nOffered}", "family": "flows"},
            "`details`": {"table": "sessions", "measures": "{n: count}", "where": "{ani: '1'}", "once_per": "queue_id"},
            "a column, as in columns: {handle_time: {unit: seconds}}": {"unit": "seconds", "digits": "2"},
        }.items()
        for field, value in fields.items()
    },
    **{
        f"{field} within aggregates": (
            of_entry(f"      {field}: {value}\n"),
            "It is a field of the report. Move it there.",
        )
        for field, value in {
            "columns": "{n: handled}",
            "order_by": "[handled]",
            "top": "5",
            "granularity": "PT1H",
        }.items()
    },
    "the word of databases for the order": (of_entry("    sort: [handled]\n"), "is called `order_by`"),
    "the word of databases for the first rows": (of_entry("    limit: 5\n"), "is called `top`"),
    # -- what older YAML has as another value
    "no for false": (of_entry("    names: no\n"), "names must be true or false, got 'no'. Write false."),
    "On for true": (of_entry("    over: week\n    by_weekday: On\n"), "got 'On'. Write true."),
    "a number with a leading zero": (of_entry("    top: 010\n"), "top must be a whole number, got '010'."),
    "a number of sixty-fold parts": (of_entry("    top: 1:30\n"), "top must be a whole number, got '1:30'"),
    "a number in hexadecimal digits": (of_entry("    top: 0x1F\n"), "top must be a whole number, got '0x1F'"),
    "a number in binary digits": (of_entry("    top: 0b11\n"), "top must be a whole number, got '0b11'"),
    "a set": ("reports: !!set {a, b}\n", "the tag 'tag:yaml.org,2002:set' is not read here"),
    "an ordered mapping": ("reports: !!omap [a: {}]\n", "the tag 'tag:yaml.org,2002:omap' is not read here"),
    "bytes": (of_entry("").replace("One row per queue.", "!!binary aGVsbG8="), "tag:yaml.org,2002:binary' is not read"),
    "a tag of one's own": (of_entry("").replace("One row", "!mine One row"), "the tag '!mine' is not read here"),
    "an anchor of itself": ("reports: &a {calls: *a}\n", "an alias stands inside the value that it repeats"),
    "a merge of a list": (of_entry("    <<: [{top: 5}]\n"), "merges (<<) are not read"),
    "a second document": (of_entry("") + "---\n" + of_entry(""), "Take out the lines of ---"),
    "a tab behind a colon": (of_entry("    top:\t\t5\n").replace("top:", "top: 5 #").replace("#", "\t:"), "not YAML"),
    "a file within a file": (of_entry("").replace("One row per queue.", "|\n   x"), "not YAML"),
    # -- what uses itself
    "columns that use each other": (
        of_entry("    columns: {a: b + 1, b: a + 1}\n"),
        "'b + 1' uses the column b, which does not stand above this one",
    ),
    "a column that uses itself": (
        of_entry("    columns: {a: a + 1}\n"),
        "uses the column a, which does not stand above",
    ),
    "a column that uses one below": (
        of_entry("    columns: {a: 2 * b, b: handled + 1}\n"),
        "uses the column b, which does not stand above",
    ),
    "an order in both directions": (
        of_entry("    order_by: [handled, handled desc]\n"),
        "the rows are ordered by handled already. Take one of them out",
    ),
    "a whole that is its own part": (
        of_entry("    adds_up: [{whole: handled, parts: [handled]}]\n"),
        "a column stands here twice, so it would count twice",
    ),
    "a part that is named twice": (
        of_times("handled").replace("    columns", "    adds_up: [{whole: handled, parts: [x, x]}]\n    columns"),
        "a column stands here twice, so it would count twice",
    ),
    "a condition on nothing": (of_filter('{"": voice}'), "a condition must name what it compares"),
    "a predicate on nothing": (of_filter('{dimension: "", value: voice}'), "a condition must name what it compares"),
    "a condition of nothing": (of_entry("    having: {}\n"), "got an empty mapping"),
    "conditions of nothing": (of_entry("    having: []\n"), "takes a list of conditions, got an empty list"),
    "a number in quotes for a bound": (of_entry("    having: {handled: {gte: '5'}}\n"), "gte takes a number"),
    "a metric for a column": (of_entry("    having: {tHandle.count: {gte: 5}}\n"), "Closest: handled"),
    "a text in a formula": (of_entry("    columns: {x: \"if_else(queue_id == 'a', 1, 0)\"}\n"), "'a' is no number"),
    # -- periods and zones
    "a zone that is an offset": (of_entry("    time_zone: '+01:00'\n"), "Use business, UTC or a name such as"),
    "a zone of summer": (of_entry("    time_zone: CEST\n"), "is not an IANA time zone name"),
    "a zone in small letters": (of_entry("    time_zone: europe/zurich\n"), "Closest: Europe/Zurich"),
    "a zone with a blank": (of_entry("    time_zone: 'UTC '\n"), "Closest: UTC"),
    "intervals of five minutes": (of_entry("    granularity: PT5M\n"), "granularity must be one of"),
    "intervals of a week": (of_entry("    granularity: P1W\n"), "granularity must be one of"),
    "intervals of a number": (of_entry("    granularity: 60\n"), "granularity must be one of"),
    "rolling days in quotes": (of_entry("    over: {rolling: '28'}\n"), "Write 28 without quotes"),
    "more rolling days than are read": (of_entry("    over: {rolling: 93}\n"), "rolling must be 92 or less"),
    "a period in a list": (of_entry("    over: [week]\n"), "over must be one of day, week, month"),
    "a view below zero": (of_view("gte: -5"), "gte must be 0 or more"),
    "a view of a part of a millisecond": (of_view("lt: 5.5"), "lt must be a whole number"),
    # -- values
    "an address for a user": (of_filter("{userId: ann@example.com}"), "genesys-assets reports ids ann@example.com"),
    "a name among ids": (of_filter(f"{{queueId: [{QUEUE}, Sales]}}"), "got 'Sales'"),
    "an abbreviated direction": (of_filter("{direction: in}"), "Known are inbound, outbound"),
    "the name of a queue for a dimension": (of_filter("{queueName: Sales}"), "Closest: queueId"),
    "a formula that is nothing": (of_entry("    columns: {x: {formula: }}\n"), "formula must be text, got nothing"),
    "the denial of a condition": (of_filter("{not: {mediaType: voice}}"), "Negate each comparison"),
    "an unknown medium": (of_filter("{mediaType: fax}"), "mediaType has no value 'fax'. Known are callback"),
    "a purpose that is mistyped": (of_filter("{purpose: agnet}"), "Closest: agent"),
    "a number for a medium": (of_filter("{mediaType: 5}"), "mediaType has no value '5'"),
    "no text for a value": (of_filter("{ani: ''}"), "compared with an empty text"),
    "blanks for a value": (of_filter("{queueId: '  '}"), "compared with an empty text"),
    "nothing among the values": (of_filter("{mediaType: [voice, null]}"), "is compared with nothing"),
    "0 for the absence of a value": (of_filter("{ani: {exists: 0}}"), "exists takes true or false, got 0"),
    "1 for the absence of a value": (of_filter("{ani: {notExists: 1}}"), "notExists takes true or false, got 1"),
    "no values": (of_filter("{mediaType: []}"), "is compared with nothing"),
    "a list of lists of values": (of_filter("{mediaType: [[voice]]}"), "a value must be text"),
    "a mapping of nothing": (of_filter("{mediaType: {}}"), "is compared with nothing"),
    "a name for a queue": (of_filter("{queue: Sales UK}"), "genesys-assets reports ids 'Sales UK'"),
    "a name that a shell would obey": (of_filter('{queue: "x\'; rm -rf /"}'), """ids 'x'"'"'; rm -rf /'"""),
    "a name for a user": (of_filter("{userId: Ann Example}"), "genesys-assets reports ids 'Ann Example'"),
    "a name for a wrap-up code": (of_filter("{wrapUpCode: Sold}"), "or ININ-WRAP-UP-TIMEOUT, got 'Sold'"),
    "an id that is cut": (of_filter(f"{{queueId: {QUEUE[:8]}}}"), "queueId must be an id such as"),
    "an id in braces": (of_filter(f"{{queueId: '{{{QUEUE}}}'}}"), "queueId must be an id such as"),
    "neither true nor false": (of_filter("{selfServed: maybe}"), "selfServed has no value 'maybe'"),
    "a range of text": (of_filter("{direction: {lt: 5}}"), "direction is no number"),
    "not a value of an address": (of_filter("{ani: {ne: '1'}}"), "the platform has no `not equal`"),
    "a metric that is mistyped": (of_metric("tHandel.sum"), "Closest: tHandle"),
    "an unknown metric of a session": (of_where("session_metrics", "{metric: tHandel}"), "Closest: tHandle"),
    "an unknown metric of a snapshot": (of_where("live/conversations", "{metric: oWaitng}"), "Closest: oWaiting"),
    "a presence that is mistyped": (
        of_users("{qualifier: ON_QUEU}"),
        "NOT_RESPONDING, or the id of a presence of the organisation",
    ),
    "a range of presences": (of_users("{qualifier: {gte: 5}}"), "qualifier is no number, so it cannot have a range"),
    "a status that is mistyped": (of_where("user_time", "{status: ON_QUEU}"), "status has no value 'ON_QUEU'"),
    "a name for a presence of the organisation": (
        of_where("user_time", "{organization_presence_id: Lunch}"),
        "organization_presence_id must be an id of genesys/reference/presence_definitions, got 'Lunch'",
    ),
    "a source that is mistyped": (
        of_where("conversations", "{source: import}"),
        "source has no value 'import'. Known are fetched, imported, data_lake",
    ),
    "a source of the row's conversation": (of_where("sessions", "{conversation.source: files}"), "no value 'files'"),
    "what of a wait is unknown, mistyped": (of_where("queue_waits", "{unknown: queue}"), "no value 'queue'"),
    "bounds that were swapped": (
        of_where("session_metrics", "{value: {gt: 5, lt: 3}}"),
        "no value of value is gt 5 and lt 3. Swap the bounds",
    ),
    "bounds between which nothing lies": (
        of_where("session_metrics", "{value: {gte: 5, lt: 5}}"),
        "no value of value is gte 5 and lt 5",
    ),
    "two numbers that were swapped": (of_entry("    having: {handled: {between: [5, 1]}}\n"), "is gte 5 and lte 1"),
    "instants that were swapped": (
        of_where("conversations", "{conversation_start: {gte: '2026-02-01T00:00:00Z', lt: '2026-01-01T00:00:00Z'}}"),
        "is gte 2026-02-01T00:00:00Z and lt 2026-01-01T00:00:00Z",
    ),
    "a view of nothing": (
        of_entry(
            "    aggregates: {metrics: {n: fast.count}, views: {fast: {target: tHandle, gte: 9, lt: 5}}}\n",
            metrics=False,
        ),
        "no time is 9 ms or more and less than 5 ms",
    ),
    "a part of a whole number": (of_where("session_metrics", "{value: 2.5}"), "a whole number, got 2.5"),
    "true for a whole number": (of_where("session_metrics", "{value: true}"), "a whole number, got true"),
    "a number of thousands of digits in quotes": (
        of_where("session_metrics", f"{{value: '{'9' * 5000}'}}"),
        "a whole number, got '999",
    ),
    "no number for a number": (of_where("media_endpoint_stats", "{min_mos: nan}"), "a number, got 'nan'"),
    "infinity for a number": (of_where("media_endpoint_stats", "{min_mos: inf}"), "a number, got 'inf'"),
    "an instant before the first year": (
        of_where("conversations", "{conversation_start: {gte: '0001-01-01T00:00:00+01:00'}}"),
        "conversation_start is an instant, so gte must be one too, such as 2026-01-31T00:00:00Z",
    ),
    "an instant without a zone": (
        of_where("conversations", "{conversation_start: 2026-01-31}"),
        "an instant, got '2026-01-31'",
    ),
    "a list for a value": (of_where("sessions", "{active_skill_ids: a}"), "is a list, which cannot be compared"),
    "a unit of a time and a count": (
        of_times("{formula: time + handled, unit: minutes}"),
        "time + handled is no time in milliseconds, so minutes is no unit of it",
    ),
    "a unit of a time or a count": (of_times("{formula: 'coalesce(time, handled)', unit: hours}"), "is no time in"),
    "a unit of a time and a share": (of_times("{formula: time - time / time, unit: hours}"), "is no time in"),
    "a unit of a score": (
        of_details(
            "      table: evaluations\n      measures: {s: {sum: o_total_score}}\n    columns: {s: {unit: hours}}\n"
        ),
        "is no time in milliseconds",
    ),
}
"""Kind -> the file, and a part of what is said of it."""

RIGHT: dict[str, str] = {
    "nothing": "",
    "nothing but a comment": "# nothing yet\n",
    "nothing but a name": "reports:\n",
    "the mark of UTF-8": "\ufeff" + of_entry(""),
    "lines of Windows": of_entry("").replace("\n", "\r\n"),
    "letters of all kinds": of_entry("").replace("One row", "Ein Ł, 山, \U0001f600"),
    "JSON": '{"reports": {"calls": {"description": "One row.", "aggregates": {"metrics": {"n": "nOffered"}}}}}',
    "as many reports as are loaded": of_reports(200),
    "as many columns as are shown": of_columns(200),
    "a granularity in lower case": of_entry("    granularity: pt1h\n"),
    "a medium in another case": of_filter("{mediaType: VOICE}"),
    "an id in capitals": of_filter(f"{{queueId: {QUEUE.upper()}}}"),
    "a system's wrap-up code": of_filter("{wrapUpCode: inin-wrap-up-timeout}"),
    "true for a dimension": of_filter("{selfServed: True}"),
    "another medium": of_filter("{mediaType: {ne: voice}}"),
    "another queue among others": of_filter(f"{{queueId: {{ne: {QUEUE}}}, direction: inbound}}"),
    "a presence as pages show it": of_users("{qualifier: [On Queue, idle]}"),
    "a presence of the organisation": of_users(f"{{qualifier: {QUEUE.upper()}}}"),
    "a status in lower case": of_where("user_time", "{status: on_queue}"),
    "a source in another case": of_where("conversations", "{source: Imported}"),
    "bounds that are one number": of_where("session_metrics", "{value: {gte: 5, lte: 5}}"),
    "a unit of a time and a number": of_times("{formula: time + 5000, unit: minutes}"),
    "a unit of a time or nothing": of_times("{formula: 'coalesce(time, 0)', unit: minutes}"),
    "a formula of several lines": of_times('{formula: "(time\\n+ 5000)\\n/ handled\\n", unit: minutes}'),
    "a time in another unit": of_details(
        "      table: session_metrics\n      where: {metric: tHandle}\n      measures: {t: {sum: value}}\n"
        "    columns: {t: {unit: minutes}}\n"
    ),
    "an instant with its zone": of_where("conversations", "{conversation_start: '2026-01-31T12:00:00Z'}"),
    "a number of 18 digits": of_filter(f"{{ani: {'4' * 18}}}"),
    "what looks like a number": of_filter("{ani: 0041791234567}"),
}
"""Kind -> a file that gives its reports."""
