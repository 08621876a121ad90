"""A document as one HTML file: it asks for nothing, reads well on a phone, in the dark and on paper."""

from html import escape

from monitor.recordings.reports.document import Chart, Document, Heading, Part, Table, Words
from monitor.recordings.reports.drawing import svg

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #59636e; --rule: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #14181d; --faint: #9aa6b2; --rule: #3b444d; }
}
body { margin: 0 auto; padding: 1rem; max-width: 50rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.summary { font-size: 1.1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption, figcaption { text-align: left; color: var(--faint); font-size: .9rem; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid var(--rule); }
tbody th { font-weight: 600; }
figure { margin: 1.2rem 0; break-inside: avoid; } figure b { display: block; color: var(--ink); }
svg { width: 100%; height: auto; min-width: 30rem; } svg text { font-family: system-ui, sans-serif; }
@media print {
  :root { --ink: #000; --paper: #fff; --faint: #444; --rule: #bbb; }
  body { max-width: none; font-size: 10pt; } tr { break-inside: avoid; } h2 { break-after: avoid; }
  svg { min-width: 0; }
}
"""


def html(document: Document) -> str:
    """The whole file. Raises MatplotlibMissingError."""
    body = "\n".join(_part(part, number) for number, part in enumerate(document.parts))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(document.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(document.title)}</h1>
<p class="summary">{escape(document.summary)}</p>
{body}
</main>
</body>
</html>
"""


def _part(part: Part, number: int) -> str:
    match part:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Words(text):
            return f"<p>{escape(text)}</p>"
        case Table():
            return _table(part)
        case Chart():
            return (
                f"<figure>\n<figcaption><b>{escape(part.title)}</b></figcaption>\n"
                f'<div class="wide" role="img" tabindex="0" aria-label="{escape(part.alt)}">\n'
                f"{svg(part, number)}\n</div>\n</figure>"
            )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in table.headings)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(table.caption)}">\n<table>\n'
        f"<caption>{escape(table.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )
