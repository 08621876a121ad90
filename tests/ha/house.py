"""Home Assistant's process and a registered phone, whose push service is a local HTTP server."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.fresh.root import CARRIED, Root

ROOT = Path(__file__).parents[2]
WEBHOOK = "5ea7" * 16
SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"
START_S = 900.0
END_S = 30.0


@dataclass(frozen=True)
class Push:
    """One message that the phone got. ``at_s`` is monotonic."""

    at_s: float
    title: str
    message: str
    data: dict[str, Any]

    @property
    def rings(self) -> bool:
        return self.data.get("push", {}).get("interruption-level") == "critical"


class Phone:
    """The push service of one phone; ``pushes`` is all that came."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        pushes = self.pushes

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                pushes.append(
                    Push(time.monotonic(), body.get("title", ""), body["message"], body.get("data", {}))
                )
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/push"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def since(self, at_s: float, *, rings: bool | None = None) -> list[Push]:
        found = [push for push in list(self.pushes) if push.at_s >= at_s]
        return [push for push in found if rings is None or push.rings is rings]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class HomeAssistant:
    """In ``root``, its configuration at /config there."""

    def __init__(self, root: Root, broker_port: int, phone: Phone) -> None:
        self._root = root
        self._config = root.path / "config"
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        shutil.rmtree(self._config, ignore_errors=True)
        self._write(broker_port, phone)

    def _write(self, broker_port: int, phone: Phone) -> None:
        storage = self._config / ".storage"
        storage.mkdir(parents=True)
        (self._config / "configuration.yaml").write_text(
            f"http: {{server_host: 127.0.0.1, server_port: {self._port}}}\n"
            "homeassistant: {name: Test, latitude: 0, longitude: 0, elevation: 0, unit_system: metric, "
            "time_zone: UTC, country: DE}\n"
            "mobile_app:\napi:\nhomeassistant_alerts:\nautomation: !include automations.yaml\n"
            "logger: {default: warning}\n".replace("homeassistant_alerts:\n", "")
        )
        (self._config / "automations.yaml").write_text("[]\n")
        blueprints = self._config / "blueprints/automation/rearguard"
        blueprints.mkdir(parents=True)
        shutil.copy(ROOT / "docs/home-assistant-blueprint.yaml", blueprints / "alert.yaml")
        entries = [
            _entry(
                "mqtt", "broker", {"broker": "127.0.0.1", "port": broker_port, "protocol": "5"}, version=2
            ),
            _entry(
                "mobile_app",
                "phone",
                {
                    "app_data": {"push_token": "token", "push_url": phone.url},
                    "app_id": "test",
                    "app_name": "Test",
                    "app_version": "1",
                    "device_id": "phone-1",
                    "device_name": "Phone",
                    "manufacturer": "Test",
                    "model": "Test",
                    "os_name": "Test",
                    "os_version": "1",
                    "supports_encryption": False,
                    "user_id": "0" * 32,
                    "webhook_id": WEBHOOK,
                },
            ),
        ]
        done = ["user", "core_config", "analytics", "integration"]
        _store(storage, "core.config_entries", {"entries": entries}, minor=5)
        _store(storage, "onboarding", {"done": done}, version=4)

    def start(self) -> None:
        """Returns when it has started wholly: automations run from then on."""
        with (self._config / "out.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    shutil.which("chroot", path=SBIN) or "chroot",
                    str(self._root.path),
                    "/ha/bin/hass",
                    "-c",
                    "/config",
                ],
                stdout=log,
                stderr=log,
                # What a part still lacks it installs when it first starts.
                env={
                    "PATH": f"/ha/bin:{SBIN}",
                    "HOME": "/root",
                    "LANG": "C.UTF-8",
                    "UV_NATIVE_TLS": "true",
                    "UV_SYSTEM_CERTS": "true",
                    **{name: value for name, value in os.environ.items() if CARRIED.fullmatch(name)},
                },
            )
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise RuntimeError(f"Home Assistant ended: {self.log()[-1500:]}")
            with contextlib.suppress(OSError, KeyError, TypeError, ValueError):
                if self.template("{{ is_state('zone.home', 'unknown') is defined }}") != "":
                    return
            time.sleep(0.3)
        raise RuntimeError(f"Home Assistant does not start: {self.log()[-1500:]}")

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def automate(self, alarm: str, alert: str, person: str) -> None:
        """The blueprint's automation for our phone; after the next start."""
        (self._config / "automations.yaml").write_text(
            json.dumps(
                [
                    {
                        "id": "rearguard",
                        "alias": "Rearguard",
                        "use_blueprint": {
                            "path": "rearguard/alert.yaml",
                            "input": {
                                "alarm": alarm,
                                "alert": alert,
                                "phone": self.device("mobile_app"),
                                "person": person,
                            },
                        },
                    }
                ]
            )
        )

    def device(self, domain: str) -> str:
        registry = json.loads((self._config / ".storage/core.device_registry").read_text())
        return str(
            next(
                d["id"] for d in registry["data"]["devices"] if any(i[0] == domain for i in d["identifiers"])
            )
        )

    def template(self, template: str) -> str:
        """What a template says now."""
        said = self._webhook("render_template", {"x": {"template": template}})
        found = said["x"]
        return found if isinstance(found, str) else json.dumps(found)

    def press(self, action: str) -> None:
        """A button of the notification, pressed on the phone."""
        self._webhook(
            "fire_event",
            {"event_type": "mobile_app_notification_action", "event_data": {"action": action}},
        )

    def call(self, domain: str, service: str, data: dict[str, Any]) -> None:
        self._webhook("call_service", {"domain": domain, "service": service, "service_data": data})

    def log(self) -> str:
        return (self._config / "out.log").read_text(errors="replace")

    def _webhook(self, kind: str, data: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/api/webhook/{WEBHOOK}",
            json.dumps({"type": kind, "data": data}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None


def _entry(domain: str, title: str, data: dict[str, Any], version: int = 1) -> dict[str, Any]:
    return {
        "created_at": "2026-01-01T00:00:00+00:00",
        "modified_at": "2026-01-01T00:00:00+00:00",
        "data": data,
        "disabled_by": None,
        "discovery_keys": {},
        "domain": domain,
        "entry_id": f"{domain}0000000000000000"[:26],
        "minor_version": 1,
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": title,
        "unique_id": None,
        "version": version,
    }


def _store(folder: Path, key: str, data: dict[str, Any], version: int = 1, minor: int = 1) -> None:
    whole = {"version": version, "minor_version": minor, "key": key, "data": data}
    (folder / key).write_text(json.dumps(whole))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])
