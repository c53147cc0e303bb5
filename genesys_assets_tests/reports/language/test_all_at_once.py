"""Whatever can be known of a report with several mistakes is reported at once, without what only follows from them."""

from __future__ import annotations

from itertools import combinations

import pytest

from genesys_assets.reports.language.file import Problem
from genesys_assets.reports.meaning.entries import read_text

RIGHT = {
    "description": "description: One row.",
    "group_by": "group_by: [queueId]",
    "aggregates": "aggregates: {metrics: {handled: tHandle.count, time: tHandle.sum}}",
    "details": "details: {table: sessions, measures: {begun: count}}",
    "columns": "columns: {share: time / handled, all: begun, handled: }",
}
_METRICS = "metrics: {handled: tHandle.count, time: tHandle.sum}"
WRONG = {
    "description": ["description: 5"],
    "time_zone": ["time_zone: Mars/X", "time_zone: 5"],
    "granularity": ["granularity: PT5M"],
    "group_by": ["group_by: [queId]", "group_by: queueId", "group_by: [5]"],
    "require": ["require: mediaType"],
    "names": ["names: no"],
    "aggregates": [
        "aggregates: {metrics: {handled: tHandel.count, time: tHandle.sum}}",
        "aggregates: {metrics: {handled: 5, time: tHandle.sum}}",
        f"aggregates: {{{_METRICS}, filter: {{mediaType: fax}}}}",
        f"aggregates: {{{_METRICS}, filtr: {{mediaType: voice}}}}",
        f"aggregates: {{family: x, {_METRICS}}}",
        f"aggregates: {{{_METRICS}, flatten: no}}",
        f"aggregates: [{{{_METRICS}}}, {{metrics: {{x: nOfered}}}}]",
        "aggregates: {metrics: {Handled: tHandle.count, handled: tHandle.count, time: tHandle.sum}}",
    ],
    "details": [
        "details: {table: session, measures: {begun: count}}",
        "details: {table: sessions, measures: {begun: cuont}}",
        "details: {table: sessions, measures: {begun: {sum: abc}}}",
        "details: {table: sessions, where: {abc: 5}, measures: {begun: count}}",
        "details: {table: sessions, wher: {ani: '5'}, measures: {begun: count}}",
    ],
    "columns": [
        "columns: {share: handeld / 2, all: begun, handled: }",
        "columns: {share: {formula: time, unit: days}, all: begun, handled: }",
        "columns: {share: 5, all: begun, handled: }",
        "columns: {share: time ** 2, all: begun, handled: }",
        "columns: {who: {names_of: queue}, share: time / handled, all: begun, handled: }",
    ],
    "adds_up": ["adds_up: {}", "adds_up: [{whole: all, parts: [nobody]}]"],
    "compare": ["compare: {columns: [abc]}", "compare: {colums: [share]}"],
    "having": ["having: {abc: 5}", "having: 5"],
    "order_by": ["order_by: [abc]", "order_by: abc", "order_by: [share sideways]"],
    "top": ["top: 0", "top: x"],
    "chart": ["chart: {x: share, y: abc}", "chart: {y: share}"],
    "zzz": ["zzz: 5"],
}
MISTAKES = [(field, text) for field, texts in WRONG.items() for text in texts]
IN_ANOTHER_PLACE = ("flatten: no}", "family: x, ")
"""In aggregates of which nothing is known. Then the name of a group is looked for among the columns of details."""


def problems(fields: dict[str, str]) -> tuple[Problem, ...]:
    lines = "".join(f"    {text}\n" for text in (RIGHT | fields).values())
    return read_text(f"reports:\n  calls:\n{lines}", "reports.yaml").problems


def test_the_report_without_mistakes_has_none() -> None:
    assert problems({}) == ()


@pytest.mark.parametrize(("field", "text"), MISTAKES)
def test_one_mistake_is_one_message(field: str, text: str) -> None:
    assert len(problems({field: text})) == 1


def test_two_mistakes_are_two_messages() -> None:
    alone = {text: problems({field: text})[0].field for field, text in MISTAKES}
    wrong = []
    for (field, text), (other_field, other) in combinations(MISTAKES, 2):
        is_elsewhere = text == "group_by: [queId]" and any(part in other for part in IN_ANOTHER_PLACE)
        if field != other_field and (field, other_field) != ("granularity", "compare") and not is_elsewhere:
            found = sorted(each.field for each in problems({field: text, other_field: other}))
            wrong += [] if found == sorted([alone[text], alone[other]]) else [(text, other, found)]
    assert wrong == []


def test_all_mistakes_of_a_report_are_reported() -> None:
    fields = {field: texts[-1] for field, texts in WRONG.items()}
    assert len(problems(fields)) >= len(WRONG) - 2


def test_comparisons_beside_one_that_is_none_are_checked() -> None:
    wrong = f"aggregates: {{{_METRICS}, filter: {{ani: [], mediaType: fax, queu: 'x'}}}}"
    said = [problem.message for problem in problems({"aggregates": wrong})]
    assert len(said) == 3
    assert any("compared with nothing" in each for each in said)
    assert any("mediaType has no value 'fax'" in each for each in said)
    assert any("'queu' is not a dimension" in each for each in said)


def test_every_line_that_is_indented_by_other_spaces_is_reported() -> None:
    found = read_text("reports:\n\u00a0 calls:\n\u00a0   top: 5\n", "reports.yaml").problems
    assert [problem.line for problem in found] == [2, 3]
