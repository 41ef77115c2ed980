"""A participant in Python, with nothing but its standard library: any service that speaks HTTP and has a database can
take part in global transactions, by both patterns.

    POST /reserve/{try,confirm,cancel}   kind tcc, a branch which sets aside first: {"item": "mug", "quantity": 1}
    POST /take/{action,compensate}       kind step, which sells immediately: the same; answers what it costs
    POST /charge/{action,compensate}     kind pivot: {"account": "ann", "cents": 1250}
    GET  /numbers                        what is available, reserved and sold; what is left and spent

What makes it safe is the barrier: one table with one row for each branch, beside the stock. A call locks it, looks what
was done before, and changes row and stock in one SQL transaction, so that both stand or fall together:

1. A repeated call finds its own op done, does nothing, and answers the first result again.
2. A cancel that finds nothing leaves a tombstone, succeeds, and gives nothing back.
3. A try that finds the tombstone, or comes after its deadline, is refused.
4. A confirm without a try, a confirm after a cancel and a cancel after a confirm are refused.
5. A refusal rolls everything back and leaves no trace. It is 409; whatever else goes wrong is 503: ask again.
6. For a step, action stands in the place of try, and compensate in the place of cancel.
7. The refusal of a pivot is the one that stays: nobody compensates a pivot, so none of its calls may land later.
8. A try or action whose TCC-Kind the activity does not serve is refused with 422: who sends it takes the activity for
   what it is not. Its cancel or compensate comes all the same, and succeeds; so a pivot has a compensate, too, which
   undoes nothing.

Set by the environment: PORT (0, the default, is any free one) and DATABASE (a file; by default one that goes when the
process ends). Once it listens it prints one line: {"port": 40123}
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
from typing import NamedTuple

TABLES = """
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS item (
    name TEXT PRIMARY KEY, available INTEGER NOT NULL, reserved INTEGER NOT NULL, sold INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO item VALUES ('mug', 100, 0, 0);
  CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, cents INTEGER NOT NULL, spent INTEGER NOT NULL);
  INSERT OR IGNORE INTO account VALUES ('ann', 10000, 0);
  CREATE TABLE IF NOT EXISTS barrier (
    gid TEXT NOT NULL, branch_id TEXT NOT NULL,
    activity TEXT NOT NULL, -- of the branch, whatever its op
    state TEXT NOT NULL CHECK (state IN ('done', 'confirmed', 'undone', 'refused')),
    result TEXT NOT NULL, -- what the try or the action answered, or why the pivot was refused, as JSON
    PRIMARY KEY (gid, branch_id)
  )"""
RESERVE = """UPDATE item SET available = available - :quantity, reserved = reserved + :quantity
             WHERE name = :item AND available >= :quantity"""
SELL = "UPDATE item SET reserved = reserved - :quantity, sold = sold + :quantity WHERE name = :item"
PUT_BACK = "UPDATE item SET reserved = reserved - :quantity, available = available + :quantity WHERE name = :item"
TAKE = """UPDATE item SET available = available - :quantity, sold = sold + :quantity
          WHERE name = :item AND available >= :quantity"""
TAKE_BACK = "UPDATE item SET sold = sold - :quantity, available = available + :quantity WHERE name = :item"
CHARGE = """UPDATE account SET cents = cents - :cents, spent = spent + :cents
            WHERE name = :account AND cents >= :cents"""
PRICE_CENTS = 1250
MAX_AMOUNT = 1_000_000
MAX_BODY_BYTES = 128 * 1024  # a payload has 64 KiB; with what a step takes from earlier ones, up to 128
LOCK_TIMEOUT_S = 5
IDLE_TIMEOUT_S = 60


class Refusal(Exception):
    """“No”, for good reasons: 409."""

    status, code = 409, "refused"


class KindMismatch(Refusal):
    status, code = 422, "kind_mismatch"


# The business. Only here there are reasons to refuse: what confirm, cancel and compensate work on is there.


def reserve(db, order):
    change(db, RESERVE, order, "item", "quantity")
    return {"reserved": order["quantity"]}


def take(db, order):
    change(db, TAKE, order, "item", "quantity")
    return {"taken": order["quantity"], "cents": order["quantity"] * PRICE_CENTS}


def charge(db, order):
    change(db, CHARGE, order, "account", "cents")
    return {"charged": order["cents"]}


def change(db, statement, order, name, amount):
    if not isinstance(order, dict) or not isinstance(order.get(name), str):
        raise Refusal("the payload is not what this activity takes")
    if type(order.get(amount)) is not int or not 0 < order[amount] <= MAX_AMOUNT:
        raise Refusal("the payload is not what this activity takes")
    if db.execute(statement, order).rowcount == 0:
        raise Refusal(f"there is not enough: {name} {order[name]}, {amount} {order[amount]}")


# The barrier, an op each: from the state of the branch's row (None: there is none) and the result in it to the new ones.


def first(declared, work):
    """A try or an action of an activity that is declared as this kind."""

    def pass_first(db, state, result, order, call):
        if state == "undone":
            raise Refusal("this branch was cancelled or compensated before")
        if state is not None:
            return state, result
        kind = call.kind or declared  # older coordinators send none
        db.execute("SAVEPOINT work")
        try:
            if kind not in SERVED_KINDS[declared]:
                raise KindMismatch(f"this activity is declared as {declared}, and does not serve {kind}")
            if datetime.now(timezone.utc) >= call.deadline:
                raise Refusal("the deadline of this call has passed")
            return "done", work(db, order)
        except Refusal as refusal:
            if "pivot" not in (kind, declared):
                raise
            # The refusal is a record as a success is. What the work did before it refused is not.
            db.execute("ROLLBACK TO work")
            return "refused", [type(refusal).__name__, str(refusal)]

    return pass_first


def undo(statement):
    """A cancel or a compensate, by the row alone, whatever the kind of the call."""

    def pass_undo(db, state, result, order, _call):
        if state == "confirmed":
            raise Refusal("this branch was confirmed before")
        if state == "done":
            if statement is None:
                raise Refusal("this pivot was done, and nothing undoes it")
            db.execute(statement, order)
        return "undone", result  # where there was no row, or that of a refusal, this one is the tombstone

    return pass_undo


def pass_confirm(db, state, result, order, _call):
    if state is None:
        raise Refusal("there is no try to confirm")
    if state == "undone":
        raise Refusal("this branch was cancelled before")
    if state == "done":
        db.execute(SELL, order)
    return "confirmed", result


# The kinds of calls that an activity serves, by the kind that it is declared as. After a pivot no step is compensated.
SERVED_KINDS = {
    "tcc": ("tcc",),
    "step": ("step", "final"),
    "step_uncompensated": ("step_uncompensated", "final"),
    "pivot": ("pivot",),
    "final": ("final",),
}

OPS = {
    "/reserve/try": first("tcc", reserve),
    "/reserve/confirm": pass_confirm,
    "/reserve/cancel": undo(PUT_BACK),
    "/take/action": first("step", take),
    "/take/compensate": undo(TAKE_BACK),
    "/charge/action": first("pivot", charge),
    "/charge/compensate": undo(None),
}


class Call(NamedTuple):
    gid: str
    branch_id: str
    kind: str | None
    deadline: datetime


def carry_out(db, path, call, order):
    """BEGIN IMMEDIATE locks before the look: of two calls for one branch at once, the second sees what the first did."""
    activity = path.split("/")[1]
    db.execute("BEGIN IMMEDIATE")
    try:
        query = "SELECT activity, state, result FROM barrier WHERE gid = ? AND branch_id = ?"
        known, state, result = db.execute(query, (call.gid, call.branch_id)).fetchone() or (activity, None, "null")
        if known != activity:
            raise Refusal(f"this branch was called to {known} before")
        state, result = OPS[path](db, state, json.loads(result), order, call)
        row = (call.gid, call.branch_id, activity, state, json.dumps(result))
        db.execute("REPLACE INTO barrier VALUES (?, ?, ?, ?, ?)", row)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    if state == "refused":
        name, reason = result
        raise KindMismatch(reason) if name == "KindMismatch" else Refusal(reason)
    return result


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
            queries = ("SELECT * FROM item ORDER BY name", "SELECT * FROM account ORDER BY name")
            self.answer(200, [dict(row) for query in queries for row in db.execute(query)])

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
            call = Call(gid, branch_id, self.headers["TCC-Kind"], deadline)
            order = json.loads(body)
        except (AttributeError, ValueError):
            return self.answer(400, {"detail": "the TCC headers are missing, or the body is not JSON"})
        try:
            with closing(connect()) as db:
                self.answer(200, carry_out(db, self.path, call, order))
        except Refusal as refusal:
            self.answer(refusal.status, {"code": refusal.code, "detail": str(refusal)})
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
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()
