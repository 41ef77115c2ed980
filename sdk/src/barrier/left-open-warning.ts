/**
 * A connection that other code gave back to its pool with a SQL transaction open. A pass would go on in it: it would read what was
 * true when that began, and commit what no one had committed. So that one is rolled back before the pass, as its code has to
 * expect of whatever it did not commit. Refused in its place, calls would fail until the pool closes the connection.
 */
export class LeftOpenWarning {
  #isReported = false;

  /** Once for each barrier: code that does so does it often. */
  report(): void {
    if (this.#isReported) return;
    this.#isReported = true;
    process.emitWarning(
      'A connection of the pool had a SQL transaction open that other code had left so. It was rolled back before the call: find ' +
        'the code that releases a connection without commit or rollback.',
      { type: 'TercetWarning', code: 'TERCET_SQL_TX_LEFT_OPEN' },
    );
  }
}
