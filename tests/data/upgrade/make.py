#!/usr/bin/env python3
"""Makes the fixtures of tests/it/upgrade.rs with an earlier version of crow: make.py BINARY

`before.tar.gz` gets a data directory, an observed platform's history and a console's state file, as that version leaves
them; `answers.json` gets what that version answered about them, also after a restart. Everything runs on loopback, on a
wall clock set to 2026-01-15, and every key, token and secret in it belongs to this made-up platform alone.
"""

import atexit, http.server, json, os, pathlib, pty, select, shutil, signal, sqlite3, subprocess, sys, tarfile, tempfile, threading, time
import urllib.error, urllib.request

BINARY, HERE = sys.argv[1], pathlib.Path(__file__).resolve().parent
HOME = pathlib.Path(tempfile.mkdtemp())
START = 1768478400  # 2026-01-15T12:00:00Z
DATA, SECRET = HOME / "data", "upgrade-fixture-signing-secret"

subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", HOME / "shim.so", HERE.parents[1] / "it/storage/shim.c", "-ldl", "-lpthread"], check=True)
environment = dict(os.environ, LD_PRELOAD=str(HOME / "shim.so"), CROW_SHIM_DIR=str(HOME / "nothing"), CROW_SHIM_CLOCK=str(HOME / "clock"),
                   XDG_CONFIG_HOME=str(HOME / "config"), XDG_STATE_HOME=str(HOME / "state"), XDG_DATA_HOME=str(HOME / "share"),
                   DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent", TERM="xterm-256color", LC_ALL="C.UTF-8")


def set_clock(at):
    (HOME / "clock.next").write_text(str(at - int(time.time())))
    (HOME / "clock.next").rename(HOME / "clock")


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        code = 500 if self.path.startswith("/fail") else 200
        self.send_response(code)
        self.send_header("x-receiver", "fixture")
        self.end_headers()
        self.wfile.write(b"x" * 60_000 if self.path == "/big" else b"seen" if code == 200 else b"broken")

    def log_message(self, *_):
        pass


receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
HOOK = f"http://127.0.0.1:{receiver.server_port}"


def until(what, holds, limit=60):
    end = time.monotonic() + limit
    while not (found := holds()):
        if time.monotonic() > end:
            sys.exit(f"waited too long for {what}")
        time.sleep(0.05)
    return found


def written(body):
    """JSON as serde_json writes it, so that a repeated create has the same bytes."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Platform:
    def __init__(self, *options, bind="127.0.0.1:0"):
        command = [BINARY, "serve", "--data", DATA, "--bind", bind, "--allow-private-targets", "--keep", "forever", *options]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        self.url = self.process.stdout.readline().strip().removeprefix("listening on ")
        self.token = (DATA / "operator.token").read_text().strip()

    def ask(self, method, path, body=None, key=None, headers={}):
        request = urllib.request.Request(self.url + path, method=method, data=None if body is None else written(body).encode())
        request.add_header(*(("x-api-key", key) if key else ("authorization", f"Bearer {self.token}")))
        if body is not None:
            request.add_header("content-type", "application/json")
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request) as answer:
                text = answer.read().decode()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read().decode())

    def done(self, *arguments, **named):
        status, answer = self.ask(*arguments, **named)
        if status >= 300:
            sys.exit(f"{arguments}: {status} {answer}")
        return answer

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait() == 0


def items(answer):
    return answer if isinstance(answer, list) else answer["items"]


set_clock(START)
p = Platform("--retry-base", "20ms")
acme, beta = [p.done("POST", "/portal/v1/companies", {"name": name})["id"] for name in ("Acme", "Beta & Söhne")]
ALL = ["events:read", "webhooks:write", "integrations:read", "integrations:write", "admin"]
WIDE = {"read": 100000, "write": 100000, "admin": 100000}


def new_key(company, name, scopes, limits=None):
    made = p.done("POST", "/portal/v1/keys", {"companyId": company, "name": name, "scopes": scopes, "limits": limits})
    return made["id"], made["key"]


def emit(company, kind="lead.created", **more):
    return p.done("POST", "/portal/v1/events", {"companyId": company, "type": kind, **more})


def subscribe(key, path, kinds, **more):
    return p.done("POST", "/api/v1/webhooks/subscriptions", {"targetUrl": HOOK + path, "eventTypes": kinds, **more}, key=key)["id"]


def deliveries(state):
    return items(p.done("GET", f"/portal/v1/deliveries?state={state}&limit=200"))


def settled():
    until("deliveries", lambda: not deliveries("pending") and not deliveries("in_flight"))


everything_id, everything = new_key(acme, "everything", ALL, WIDE)
reader_id, reader = new_key(acme, "reader", ["events:read"])
narrow_id, narrow = new_key(acme, "narrow", ["events:read", "webhooks:write"])
gone_id, gone = new_key(acme, "gone", ALL)
beta_id, of_beta = new_key(beta, "Make.com", ALL, WIDE)
p.done("PATCH", f"/portal/v1/keys/{narrow_id}/limits", {"read": 2})
viewer = p.done("POST", "/portal/v1/operators", {"name": "night shift", "role": "viewer"})["token"]
former = p.done("POST", "/portal/v1/operators", {"name": "former", "role": "operator"})
p.done("POST", f"/portal/v1/operators/{former['id']}/revoke", {})

good = subscribe(everything, "/good", ["lead.created", "client.created"], description="good one", signingSecret=SECRET)
bad = subscribe(everything, "/fail", ["payment.failed"], managedBy="Zapier")
manual = subscribe(everything, "/manual", ["lead.created"], signingSecret=SECRET)
deleted = subscribe(everything, "/deleted", ["lead.created"])
other = subscribe(of_beta, "/beta", ["lead.created"], managedBy="Make")
big = subscribe(of_beta, "/big", ["invoice.created"])
p.done("PATCH", f"/api/v1/webhooks/subscriptions/{good}", {"description": "the good one", "targetUrl": HOOK + "/good/v2"}, key=everything)

lead = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "phone": "+1 (555) 010-0000", "external_id": "crm-1"}
once = {"Idempotency-Key": "fixture-1"}
created = p.done("POST", "/api/v1/integrations/leads", lead, key=everything, headers=once)
p.done("POST", "/api/v1/integrations/leads", {**lead, "external_id": None, "email": "grace@example.com"}, key=of_beta)
person = p.done("POST", "/api/v1/integrations/clients", {"first_name": "Bo", "last_name": "Ek", "email": "bo@example.com"}, key=everything)
p.done("POST", f"/api/v1/integrations/clients/{person['client_id']}/notes", {"text": "called back"}, key=everything)
p.done("POST", "/api/v1/integrations/affiliates", {"first_name": "Cy", "last_name": "Li", "email": "cy@example.com"}, key=everything)
p.done("POST", "/api/v1/events/test", {"eventType": "lead.created"}, key=everything)
p.ask("GET", "/api/v1/events", key=gone)
p.done("POST", f"/portal/v1/keys/{gone_id}/revoke", {})
settled()
for key, path in [(gone, "/api/v1/events"), ("wlcro_live_1_abcdefghijklmnop", "/api/v1/events"), (reader, "/api/v1/webhooks/subscriptions")] + 4 * [(narrow, "/api/v1/events")]:
    p.ask("GET", path, key=key)

# The breaker trips; what comes meanwhile is missed. A subscription is disabled by hand; its deliveries are on hold or missed.
while p.done("GET", f"/portal/v1/subscriptions/{bad}")["isEnabled"]:
    emit(acme, "payment.failed", payload={"amount": 12.5})
    settled()
for _ in range(3):
    emit(acme, "payment.failed")
p.done("POST", f"/portal/v1/subscriptions/{manual}/disable", {"reason": "the partner moves"})
for _ in range(4):
    emit(acme)
p.done("DELETE", f"/portal/v1/subscriptions/{deleted}")
settled()
p.done("POST", "/portal/v1/acknowledgements", {"subject": f"subscription {bad}", "state": "trp", "note": "asked the partner"})
sent = next(row["id"] for row in deliveries("succeeded") if row["subscriptionId"] == good)
p.done("POST", f"/portal/v1/deliveries/{sent}/resend", {"reason": "lost by the partner"})
plan = {"since": "2026-01-15T11:00:00Z", "states": ["succeeded"]}
p.done("POST", f"/portal/v1/subscriptions/{good}/replay", plan)
settled()
until("a replay", lambda: items(p.done("GET", "/portal/v1/replays"))[0]["phase"] == "finished")
set_clock(START + 3600)
p.done("POST", f"/portal/v1/subscriptions/{good}/replay", {**plan, "ratePerSecond": 1})
paused = items(p.done("GET", "/portal/v1/replays"))[0]["id"]
p.done("POST", f"/portal/v1/replays/{paused}/pause", {})
for _ in range(72):
    emit(beta, "invoice.created")
settled()
p.stop()

# A small quota strips the oldest attempts.
p = Platform("--retry-base", "1h", "--delivery-log-quota", "1MiB")
oldest = items(p.done("GET", f"/portal/v1/attempts?subscription={big}&limit=200"))[-1]["id"]
until("a stripped attempt", lambda: p.done("GET", f"/portal/v1/attempts/{oldest}").get("shedUtc"), 90)

# Consoles: one observes with a key, one listens, one of an operator takes notes.
for name, secret in (("key", everything), ("token", p.token), ("secret", SECRET)):
    (HOME / name).write_text(secret + "\n")
    (HOME / name).chmod(0o600)


def crow(*arguments, **named):
    process = subprocess.Popen([BINARY, *arguments], env=environment, stdin=subprocess.DEVNULL, text=True, **named)
    atexit.register(process.kill)
    return process


for profile, file in (("partner", "key"), ("desk", "token")):
    added = ["profile", "add", profile, "--url", p.url, f"--{file}-file", HOME / file, "--keep", "file"]
    assert crow(*added, *(["--key", "everything", "--budget", "50"] if file == "key" else [])).wait() == 0
HISTORY = HOME / "state/crow/profile partner.db"


def rows(sql, file=HISTORY):
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    found = [{k: v.decode() if isinstance(v, bytes) else v for k, v in dict(row).items()} for row in database.execute(sql)]
    database.close()
    return found


listening = crow("listen", "--profile", "partner", "--port", "0", "--secret-file", str(HOME / "secret"), stdout=subprocess.PIPE)
line = until("a listener", lambda: next((w for w in listening.stdout.readline().split() if w.startswith("http://127.0.0.1")), None))
heard = p.done("POST", "/api/v1/webhooks/subscriptions", {"targetUrl": line.rstrip(".,"), "eventTypes": ["lead.created"], "signingSecret": SECRET}, key=everything)["id"]
for hour in range(1, 4):
    set_clock(START + hour * 3600 + 300)
    observing = crow("console", "--plain", "--profile", "partner", stdout=subprocess.DEVNULL)
    until("a round", lambda: len(rows("SELECT * FROM watches")) >= 2 * hour and rows(f"SELECT 1 FROM windows WHERE minute >= {(START + hour * 3600) * 1000}"))
    if hour == 2:
        p.done("POST", f"/portal/v1/subscriptions/{good}/disable", {})
        until("an outage", lambda: rows("SELECT * FROM outages"), 120)
        p.done("POST", f"/portal/v1/subscriptions/{good}/enable", {})
        until("its end", lambda: rows("SELECT * FROM outages WHERE on_again IS NOT NULL"), 120)
    n = len(rows("SELECT * FROM receipts"))
    emit(acme)
    until("a receipt", lambda: len(rows("SELECT * FROM receipts")) > n)
    observing.send_signal(signal.SIGTERM)
    observing.wait()
listening.send_signal(signal.SIGTERM)
listening.wait()
p.done("DELETE", f"/portal/v1/subscriptions/{heard}")

pid, screen = pty.fork()
if pid == 0:
    os.execve(BINARY, [BINARY, "console", "--profile", "desk"], environment)
import fcntl, struct, termios
fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
seen = bytearray()


def drain(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([screen], [], [], 0.1)[0]:
            try:
                seen.extend(os.read(screen, 65536))
            except OSError:
                return


drain(4)
for keys in ("3", "mnote of the version before\r", " ", "b", "5", "/type:client.created\r"):
    os.write(screen, keys.encode())
    drain(1)
drain(3)
os.write(screen, b"q")
drain(2)
os.waitpid(pid, 0)
STATE = HOME / "state/crow/profile desk.json"
print(STATE.read_text())


# A retry is left that is due an hour later.
late = subscribe(everything, "/fail/late", ["client.created"], signingSecret=SECRET)
emit(acme, "client.created", payload={"clientId": 7, "name": "Zoë"}, metadata={"source": "fixture"})
until("a first attempt", lambda: any(row["subscriptionId"] == late and row["nAttempts"] == 1 for row in deliveries("pending")))

ROUTES = ["companies", "keys", "operators", "subscriptions", "deliveries", "attempts", "events", "trips", "replays", "requests", "acknowledgements",
          "audit", "audit/verify", "audit/head", "limits"]


def answers():
    asked = [f"/portal/v1/{route}?limit=200" if route not in ("audit/verify", "audit/head") else f"/portal/v1/{route}" for route in ROUTES]
    one = lambda route: [row["id"] for row in items(p.done("GET", f"/portal/v1/{route}?limit=200"))]
    asked += [f"/portal/v1/attempts/{id}" for id in one("attempts")] + [f"/portal/v1/deliveries/{id}" for id in one("deliveries")]
    asked += [f"/portal/v1/events/{id}{end}" for id in one("events") for end in ("", "/trace")]
    asked += [f"/portal/v1/keys/{id}/usage" for id in one("keys")]
    asked += [f"/portal/v1/subscriptions/{id}{end}" for id in (good, bad, manual, other, late) for end in ("", "/revisions")]
    asked += [f"/portal/v1/subscriptions/{deleted}/revisions"]
    asked += [f"/portal/v1/replays/{id}" for id in one("replays")]
    return {path: p.done("GET", path) for path in asked}


def common(a, b, path):
    """What both answers have; members that differ by themselves, such as the time of the answer, are left out."""
    if isinstance(a, dict) and isinstance(b, dict):
        return {k: v for k in a if k in b and (v := common(a[k], b[k], f"{path}.{k}")) is not ...}
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        inner = [common(x, y, path) for x, y in zip(a, b)]
        return ... if ... in inner else inner
    if a == b:
        return a
    print("differs by itself:", path, str(a)[:60], str(b)[:60])
    return ...


partner = {}
for name, key in (("everything", everything), ("Make.com", of_beta)):
    for path in ("/api/v1/events?limit=50", "/api/v1/webhooks/subscriptions", "/api/v1/integrations/leads/search?email=ada@example.com",
                 "/api/v1/integrations/clients/search?email=bo@example.com"):
        status, answer = p.ask("GET", path, key=key)
        partner[f"{name} {path}"] = {"status": status, "answer": answer}
status, repeated = p.ask("POST", "/api/v1/integrations/leads", lead, key=everything, headers=once)
before = answers()
at = START + 3 * 3600 + 900
p.stop()
set_clock(at)
p = Platform()
known = {path: common(before[path], answer, path) for path, answer in answers().items()}
p.stop()
head = subprocess.run([BINARY, "db", "head", "--data", DATA], env=environment, capture_output=True, text=True, check=True).stdout

desk = HOME / "state/crow/profile desk.db"
history = {table: rows(f"SELECT * FROM {table}") for table in ("keys", "calls", "windows", "events", "subscriptions", "outages", "turns", "watches", "receipts", "links")}
windows = rows("SELECT * FROM windows", DATA / "platform.db")
history["desk links"], history["desk alerts"] = rows("SELECT * FROM links", desk), rows("SELECT * FROM alerts", desk)
for file in (DATA / "platform.db", HISTORY, desk):
    database = sqlite3.connect(file)
    print(file.name, database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall(), database.execute("PRAGMA journal_mode").fetchall())
    database.close()
names = {"good": good, "bad": bad, "manual": manual, "deleted": deleted, "late": late, "other": other, "paused": paused, "acme": acme}
keys = {"everything": everything, "reader": reader, "narrow": narrow, "gone": gone, "Make.com": of_beta}
(HOME / "answers.json").write_text(json.dumps({"version": subprocess.run([BINARY, "--version"], capture_output=True, text=True).stdout.strip(),
    "at": at, "hook": HOOK, "ids": names, "keys": keys, "secret": SECRET, "viewer": viewer, "lead": lead, "created": created, "repeated": {"status": status, "answer": repeated},
    "head": head, "windows": windows, "portal": known, "partner": partner, "history": history}, separators=(",", ":"), ensure_ascii=False))
with tarfile.open(HERE / "before.tar.gz", "w:gz") as archive:
    for file, name in [(DATA / n, f"data/{n}") for n in ("platform.db", "platform.key", "platform.numbers", "operator.token")] + \
                      [(HISTORY, "partner.db"), (desk, "desk.db"), (STATE, "desk.json"), (HOME / "answers.json", "answers.json")]:
        archive.add(file, name)
shutil.rmtree(HOME)
