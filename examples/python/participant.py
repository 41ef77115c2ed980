"""A participant in Python, with nothing but its standard library: any service that speaks HTTP and has a database can
take part in global transactions.

    POST /reserve/{op}   the coordinator asks for a try, a confirm or a cancel: {"item": "mug", "quantity": 1}
    GET  /numbers        what is available, reserved and sold

What makes it safe is the barrier: one table with one row for each branch, beside the stock. A call locks it, looks what
was done before, and changes row and stock in one SQL transaction, so that both stand or fall together:

1. A repeated call finds its own op done, does nothing, and answers the first result again.
2. A cancel that finds nothing leaves a tombstone, succeeds, and gives nothing back.
3. A try that finds the tombstone, or comes after its deadline, is refused.
4. A confirm without a try, a confirm after a cancel and a cancel after a confirm are refused.
5. A refusal rolls everything back and leaves no trace. It is 409; whatever else goes wrong is 503: ask again.

Set by the environment: PORT (0, the default, is any free one) and DATABASE (a file; by default one that goes when the
process ends). Once it listens it prints one line: {"name": "inventory", "port": 40123}
"""
import json
import os
import signal
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TABLES = """
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS item (
    name TEXT PRIMARY KEY, available INTEGER NOT NULL, reserved INTEGER NOT NULL, sold INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO item VALUES ('mug', 100, 0, 0);
  CREATE TABLE IF NOT EXISTS barrier (
    gid TEXT NOT NULL, branch_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('tried', 'confirmed', 'cancelled')),
    result TEXT NOT NULL, -- what the try answered, as JSON
    PRIMARY KEY (gid, branch_id)
  )"""
RESERVE = """UPDATE item SET available = available - :quantity, reserved = reserved + :quantity
             WHERE name = :item AND available >= :quantity"""
SELL = "UPDATE item SET reserved = reserved - :quantity, sold = sold + :quantity WHERE name = :item"
PUT_BACK = "UPDATE item SET reserved = reserved - :quantity, available = available + :quantity WHERE name = :item"
MAX_BODY_BYTES = 64 * 1024
LOCK_TIMEOUT_S = 5
IDLE_TIMEOUT_S = 60


class Refusal(Exception):
    """“No”, for good reasons: 409."""


def reserve(db, order):
    """The only op with a reason to refuse: for confirm and cancel, what the try set aside is there."""
    if not isinstance(order, dict) or type(order.get("quantity")) is not int or order["quantity"] < 1:
        raise Refusal("the payload is not what this activity takes")
    if db.execute(RESERVE, {"item": order.get("item"), "quantity": order["quantity"]}).rowcount == 0:
        raise Refusal("there is not enough of it")
    return {"reserved": order["quantity"]}


# The barrier, an op each: from the state of the branch's row (None: there is none) and the result in it to the new ones.


def pass_try(db, state, result, order, deadline):
    if state == "cancelled":
        raise Refusal("this branch was cancelled before")
    if state is not None:
        return state, result
    if datetime.now(timezone.utc) >= deadline:
        raise Refusal("the deadline of this try has passed")
    return "tried", reserve(db, order)


def pass_confirm(db, state, result, order, _deadline):
    if state is None:
        raise Refusal("there is no try to confirm")
    if state == "cancelled":
        raise Refusal("this branch was cancelled before")
    if state == "tried":
        db.execute(SELL, order)
    return "confirmed", result


def pass_cancel(db, state, result, order, _deadline):
    if state == "confirmed":
        raise Refusal("this branch was confirmed before")
    if state == "tried":
        db.execute(PUT_BACK, order)
    return "cancelled", result  # where there was no row, this one is the tombstone


OPS = {"/reserve/try": pass_try, "/reserve/confirm": pass_confirm, "/reserve/cancel": pass_cancel}


def carry_out(db, pass_op, gid, branch_id, deadline, order):
    """BEGIN IMMEDIATE locks before the look: of two calls for one branch at once, the second sees what the first did."""
    db.execute("BEGIN IMMEDIATE")
    try:
        query = "SELECT state, result FROM barrier WHERE gid = ? AND branch_id = ?"
        state, result = db.execute(query, (gid, branch_id)).fetchone() or (None, "null")
        state, result = pass_op(db, state, json.loads(result), order, deadline)
        db.execute("REPLACE INTO barrier VALUES (?, ?, ?, ?)", (gid, branch_id, state, json.dumps(result)))
        db.execute("COMMIT")
        return result
    except BaseException:
        db.execute("ROLLBACK")
        raise


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    wbufsize = -1  # an answer leaves in one piece

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the caller did not wait for the answer: it asks again, and the barrier answers the same

    def do_GET(self):
        if self.path != "/numbers":
            return self.answer(404, {"detail": f"there is no GET {self.path}"})
        with closing(connect()) as db:
            db.row_factory = sqlite3.Row
            self.answer(200, [dict(row) for row in db.execute("SELECT * FROM item ORDER BY name")])

    def do_POST(self):
        # The body first, to its end: while it comes, the branch may be cancelled.
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            return self.answer(413, {"detail": f"at most {MAX_BODY_BYTES} bytes"})
        body = self.rfile.read(length)
        if self.path not in OPS:
            return self.answer(404, {"detail": f"there is no POST {self.path}"})
        try:
            gid, branch_id = self.headers["TCC-Transaction-Id"], self.headers["TCC-Branch-Id"]
            deadline = datetime.fromisoformat(self.headers["TCC-Deadline"].replace("Z", "+00:00"))
            order = json.loads(body)
        except (AttributeError, ValueError):
            return self.answer(400, {"detail": "the TCC headers are missing, or the body is not JSON"})
        try:
            with closing(connect()) as db:
                self.answer(200, carry_out(db, OPS[self.path], gid, branch_id, deadline, order))
        except Refusal as refusal:
            self.answer(409, {"detail": str(refusal)})
        except sqlite3.Error as error:
            self.answer(503, {"detail": str(error)})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Quiet: the coordinator keeps a journal."""


def connect():
    return sqlite3.connect(DATABASE, timeout=LOCK_TIMEOUT_S, isolation_level=None)


for stop in (signal.SIGINT, signal.SIGTERM):
    signal.signal(stop, lambda *_: sys.exit())
with tempfile.TemporaryDirectory() as folder:
    DATABASE = os.environ.get("DATABASE") or os.path.join(folder, "inventory.db")
    with closing(connect()) as db:
        db.executescript(TABLES)
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 0))), Handler)
    print(json.dumps({"name": "inventory", "port": server.server_port}), flush=True)
    server.serve_forever()
