"""What people are handed: each new password in a file, and a sheet to print with a slip for each spotter.

The broker keeps no password that could be read again: what is here is here only until it is handed out.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from monitor.delivery import accounts, owned_files
from monitor.delivery.credentials import SecretError
from monitor.delivery.invitation import address, drawing, settings_of
from monitor.delivery.roster import Account
from monitor.delivery.roster_accounts import Change

SHEET = "slips.html"

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Rearguard: slips for spotters</title>
<style>
@page {{ margin: 12mm }}
body {{ font: 11pt/1.35 sans-serif; color: #000; background: #fff; margin: 0 auto; max-width: 190mm }}
main {{ display: grid; grid-template-columns: 1fr 1fr }}
article {{ border: 1px dashed #888; padding: 6mm; break-inside: avoid }}
h2 {{ margin: 0; font-size: 18pt }}
p {{ margin: 0 0 2mm; overflow-wrap: anywhere }}
svg {{ display: block; width: 52mm; height: 52mm; margin: 0 auto 2mm }}
code {{ font-size: 8pt; word-break: break-all }}
small {{ display: block; margin-top: 2mm; font-size: 8.5pt }}
</style>
<main>
{slips}
</main>
</html>
"""

SLIP = """\
<article>
<h2>{name}</h2>
<p>watches {devices}</p>
{code}
<code>{url}</code>
<small>This is a key: whoever has it gets these walkers' alerts and can answer in the name of {name}.</small>
</article>"""


def hand_out(
    folder: Path, wanted: Sequence[Account], change: Change, words: Mapping[str, str], host: str, port: int
) -> list[Account]:
    """Write what is new, and remove what was for who is gone; whose slip, handed out, names other walkers.

    Raises OSError, and SecretError for an address that somebody else wrote.
    """
    if words:
        owned_files.make_private_folder(folder)
    for name in (*change.gone, *words):
        for path in (_url(folder, name), password_file(folder, name)):
            path.unlink(missing_ok=True)
    for account in change.passwords:
        word = words[account.name]
        if account.on_slip:
            url = address(account.name, word, host, port, *account.devices)
            owned_files.write_private(_url(folder, account.name), f"{url}\n")
        else:
            owned_files.write_private(password_file(folder, account.name), f"{word}\n")
    for account in change.changed:
        _bring_up_to_date(_url(folder, account.name), account)
    found = {one: _text(_url(folder, one.name)) for one in wanted if one.on_slip}
    _write_sheet(folder / SHEET, {one: url for one, url in found.items() if url})
    return [one for one in change.changed if one.on_slip and not found[one]]


def password_file(folder: Path, name: str) -> Path:
    """Where the password of a walker or a program goes."""
    return folder / f"{name}.password"


def sheet(slips: Mapping[Account, str]) -> str:
    """The sheet, for accounts and their addresses. It needs nothing from elsewhere."""
    return PAGE.format(
        slips="\n".join(
            SLIP.format(
                name=escape(account.name),
                devices=escape(", ".join(account.devices)),
                code=drawing(url),
                url=escape(url),
            )
            for account, url in slips.items()
        )
    )


def _url(folder: Path, name: str) -> Path:
    """Where the address of a spotter's account goes."""
    return folder / f"{name}.url"


def _text(path: Path) -> str:
    return "\n".join(accounts.read(path))


def _bring_up_to_date(path: Path, account: Account) -> None:
    """The address, if it is still here, names the walkers that the account watches now."""
    if not (text := _text(path)):
        return
    try:
        old = settings_of(text)
    except SecretError as error:
        raise SecretError(f"{path}: {error}; remove it") from None
    url = address(old.username, old.password(), old.host, old.port, *account.devices)
    owned_files.write_private(path, f"{url}\n")


def _write_sheet(path: Path, slips: Mapping[Account, str]) -> None:
    text = sheet(slips).rstrip("\n") if slips else ""
    if not text:
        path.unlink(missing_ok=True)
    elif text != _text(path):
        owned_files.write_private(path, f"{text}\n")
