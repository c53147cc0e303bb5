"""Mistakes that people make in reports.yaml: each is a whole file with one mistake.

docs/reports.md has the message for each; `test_mistakes` compares them.
"""

from __future__ import annotations

_HEAD = """\
reports:
  calls:
    description: One row per queue.
    group_by: [queueId]
"""
_METRICS = """\
    aggregates:
      metrics: {handled: tHandle.count}
"""
_DETAILS = """\
    details:
      table: session_metrics
      measures: {talk: {sum: value}}
"""


def of_entry(text: str, *, metrics: bool = True) -> str:
    """A file with one report that has these lines; metrics are added if they have none."""
    return _HEAD + (_METRICS if metrics else "") + text


def of_filter(text: str) -> str:
    return _HEAD + _METRICS + f"      filter: {text}\n"


def of_metric(text: str) -> str:
    return _HEAD + f"    aggregates:\n      metrics: {{figure: {text}}}\n"


def of_details(text: str) -> str:
    return _HEAD + "    details:\n" + text


MISTAKES: dict[str, str] = {
    "not YAML": "reports:\n  calls: {description: [\n",
    "a key twice": of_entry("    group_by: [mediaType]\n"),
    "nothing but text": "calls\n",
    "a report without figures": _HEAD,
    "a report without a description": "reports:\n  calls:\n    aggregates:\n      metrics: {handled: tHandle.count}\n",
    "the name of a built-in report": _HEAD.replace("calls", "interval") + _METRICS,
    "the name of a published file": _HEAD.replace("calls", "day_page") + _METRICS,
    "the name of a table of snapshots": _HEAD.replace("calls", "live_queues") + _METRICS,
    "a name with a capital": _HEAD.replace("calls", "Calls") + _METRICS,
    "the platform's word for a field": of_entry("    timeZone: Europe/Zurich\n"),
    "an unknown granularity": of_entry("    granularity: PT5M\n"),
    "an unknown time zone": of_entry("    time_zone: Europe/Zürich\n"),
    "text where a number belongs": of_entry("    top: '10'\n"),
    "a mistyped metric": of_metric("tHandel.sum"),
    "an unknown family": of_metric("nSurveysSent") + "      family: survey\n",
    "a metric of another family": of_metric("nSurveysSent"),
    "a mistyped metric of a family": of_metric("nSurveySent") + "      family: surveys\n",
    "a metric that the platform does not have": of_metric("smallTalk.sum"),
    "an average instead of a metric": of_metric("averageHandleTime"),
    "the average of a metric": of_metric("tHandle.avg"),
    "the sum of a counter": of_metric("nOffered.sum"),
    "a ratio": of_metric("oServiceLevel.ratio"),
    "a service level without a statistic": of_metric("oServiceLevel"),
    "conversations counted by the hour from aggregates": of_metric("nConversations").replace(
        "    group_by", "    granularity: PT1H\n    group_by"
    ),
    "a view of a counter": _HEAD
    + "    aggregates:\n      views: {fast: {target: nOffered, lt: 1000}}\n      metrics: {fast: fast.count}\n",
    "a view without a bound": _HEAD
    + "    aggregates:\n      views: {fast: {target: tAnswered}}\n      metrics: {fast: fast.count}\n",
    "a mistyped dimension": (_HEAD + _METRICS).replace("[queueId]", "[queId]"),
    "a name instead of a dimension": (_HEAD + _METRICS).replace("[queueId]", "[user.name]"),
    "the date instead of a dimension": (_HEAD + _METRICS).replace("[queueId]", "[date]"),
    "`contains` in a filter": of_filter("{ani: {contains: '+41'}}"),
    "not equal in a filter": of_filter("{direction: {NE: inbound}}"),
    "a value that the platform does not have": of_filter("{purpose: agnet}"),
    "a name where an id belongs": of_filter("{queue: Sales UK}"),
    "a range of values that are not numbers": of_filter("{mediaType: {gt: 5}}"),
    "an outcome that no leg has": of_details(
        "      table: interaction_legs\n      where: {outcome: lost}\n      measures: {lost: count}\n"
    ),
    "a field that must be a list": of_entry("    order_by: handled desc\n"),
    "a number that is too small": of_entry("    top: -1\n"),
    "a comma in a formula without quotes": of_entry("    columns: {share: {formula: coalesce(handled, 0)}}\n"),
    "merged fields": of_entry("    <<: {granularity: PT1H}\n"),
    "an average of a column": of_details("      table: session_metrics\n      measures: {talk: {avg: value}}\n"),
    "an unknown operator": of_filter("{mediaType: {endsWith: ce}}"),
    "`starts_with` in a filter": of_filter("{ani: {starts_with: '+41'}}"),
    "a text comparison with a number": of_details(
        "      table: sessions\n      where: {routing_ring: {starts_with: 1}}\n      measures: {begun: count}\n"
    ),
    "an empty part of a text": of_details(
        "      table: sessions\n      where: {ani: {contains: ''}}\n      measures: {begun: count}\n"
    ),
    "a filter on a metric": of_filter("{tHandle: {gt: 60000}}"),
    "a filter with three levels": of_filter(
        "{or: [{direction: inbound}, {and: [{purpose: agent}, {ani: ['1', '2']}]}]}"
    ),
    "a filter without a value": of_filter("{mediaType: }"),
    "a tutorial's filter with a mistyped attribute": of_filter(
        "{type: simple, attribute: mediatyp, condition: eq, value: voice}"
    ),
    "an unknown table": of_details("      table: session_metric\n      measures: {talk: {sum: value}}\n"),
    "a table that aggregates read": of_details("      table: interval_metrics\n      measures: {talk: {sum: sum}}\n"),
    "an unknown column": of_details("      table: sessions\n      measures: {talk: {sum: talk_time}}\n"),
    "the sum of a text": of_details("      table: sessions\n      measures: {talk: {sum: media_type}}\n"),
    "a percentile without `at`": of_details(
        "      table: session_metrics\n      measures: {talk: {percentile: value}}\n"
    ),
    "a percentile of a metric": of_metric("tHandle.p95"),
    "two measures in one": of_details(
        "      table: session_metrics\n      measures: {talk: {sum: value, max: value}}\n"
    ),
    "a time column that is not an instant": of_details(
        "      table: session_metrics\n      time: value\n      measures: {talk: {sum: value}}\n"
    ),
    "a table that lacks the group's column": of_details("      table: conversations\n      measures: {begun: count}\n"),
    "a value of the wrong kind": of_details(
        "      table: sessions\n      where: {conversation.duration_ms: long}\n      measures: {begun: count}\n"
    ),
    "a mistyped session metric": _HEAD + _DETAILS + "      where: {metric: tTalkComplet}\n",
    "a mistyped figure in a formula": of_entry("    columns: {share: handeld / 2}\n"),
    "an unknown function": of_entry("    columns: {share: sqrt(handled)}\n"),
    "a power": of_entry("    columns: {share: handled ** 2}\n"),
    "more than arithmetic in a formula": of_entry("    columns: {share: \"__import__('os')\"}\n"),
    "`names_of` a figure without names": of_entry("    columns: {who: {names_of: handled}}\n"),
    "a comparison in a formula of numbers": of_entry("    columns: {busy: handled > 5, share: busy / 2}\n"),
    "a unit on true or false": of_entry("    columns: {busy: {formula: handled > 5, unit: seconds}}\n"),
    "a unit on a count": of_entry("    columns: {handled: {unit: seconds}}\n"),
    "a column with the name of a figure": of_entry("    columns: {handled: 2 * handled}\n"),
    "a quotient by 0": of_entry("    columns: {share: handled / 0}\n"),
    "too many digits": of_entry("    columns: {share: 'round(handled, 400)'}\n"),
    "a number that does not fit": of_entry("    columns: {share: 5 * 9007199254740992 * 4096 + handled}\n"),
    "`names_of` a count": of_details(
        "      table: sessions\n      measures: {users: {count_distinct: user_id}}\n"
        "    columns: {who: {names_of: users}}\n"
    ),
    "an unknown unit": of_entry("    columns: {handled: {unit: days}}\n"),
    "two columns with the same name": of_entry("    columns: {queue_name: handled}\n"),
    "an order by a column that is not shown": of_entry("    order_by: [handle_time desc]\n"),
    "a queue's setting without the media type": of_entry(
        "    columns: {goal: {queue_setting: service_level_target}}\n"
    ),
    "an unknown type of an attribute": of_details(
        "      table: sessions\n      attributes: {value: {attribute: OrderValue, type: money}}\n"
        "      measures: {begun: count}\n"
    ),
    "an attribute with the name of a column": of_details(
        "      table: sessions\n      attributes: {ani: {attribute: OrderValue}}\n      measures: {begun: count}\n"
    ),
    "an unknown setting of a queue": of_entry("    columns: {goal: {queue_setting: answer_in}}\n"),
    "`having` with the table contacts": of_details(
        "      table: sessions\n      having: {table: contacts}\n      measures: {begun: count}\n"
    ),
    "an unknown period": of_entry("    over: quarter\n"),
    "too few rolling days": of_entry("    over: {rolling: 1}\n"),
    "a granularity within a week": of_entry("    over: week\n    granularity: PT1H\n"),
    "`by_weekday` of a single day": of_entry("    by_weekday: true\n"),
    "a comparison of hours": of_entry("    granularity: PT1H\n    compare: {columns: [handled]}\n"),
    "a month compared with another week": of_entry(
        "    over: month\n    compare: {columns: [handled], to: week_before}\n"
    ),
    "a comparison of a column that is not shown": of_entry("    compare: {columns: [handle_time]}\n"),
    "a condition on an unknown name": of_entry("    having: {answered: {gte: 5}}\n"),
    "a text condition on a number": of_entry("    having: {handled: {starts_with: '1'}}\n"),
    "a chart of a column that is not shown": of_entry("    chart: {x: queue_name, y: handle_time}\n"),
}
