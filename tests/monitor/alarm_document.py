"""The rules of the alarm as docs/safety.md prints them. To renew the table there:

python -m tests.monitor.alarm_document
"""

from pathlib import Path

from monitor.core.alarm_rules import RULES, Rule, State

DOCUMENT = Path(__file__).parents[2] / "docs" / "safety.md"
BEGIN, END = "<!-- rules: begin -->\n", "<!-- rules: end -->\n"


def table() -> str:
    """A line for each kind, trigger and result; the states in which it holds side by side."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for rule in RULES:
        rows.setdefault((rule.kind, rule.trigger, _to(rule), rule.guard), []).append(
            _state(rule.at) if rule.at else "none open"
        )
    lines = ["| incident | when it is | and this happens | it becomes | only if |", "|---|---|---|---|---|"]
    for (kind, trigger, to, guard), states in rows.items():
        cells = (kind.replace("_", " "), ", or ".join(states), trigger.replace("_", " "), to, guard)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _state(state: State) -> str:
    return " and ".join(state) if state.stage != "active" else state.certainty.value


def _to(rule: Rule) -> str:
    if rule.to.stage.ended:
        return rule.to.stage.value
    return f"a {rule.becomes.replace('_', ' ')}, {_state(rule.to)}" if rule.becomes else _state(rule.to)


def printed() -> tuple[str, str]:
    """What the document says, and what it must contain."""
    return DOCUMENT.read_text(), BEGIN + table() + END


if __name__ == "__main__":
    text, block = printed()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + block + after)
