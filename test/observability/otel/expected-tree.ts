/** The trees that the trace stories expect, written as trace-text.ts writes them, with siblings ordered by their text. */

/** A span, and what is below it. */
export const line = (text: string, ...below: readonly string[]): string =>
  [text, ...below.toSorted().map((one) => one.replaceAll(/^/gm, '  '))].join('\n');

/** A tree as people read it, with siblings as they began, in the order of the trees here. */
export function inTextOrder(tree: string): string {
  const [text = '', ...below] = tree.split('\n');
  const dedented = below.map((one) => one.slice(2)).join('\n');
  return line(text, ...(dedented === '' ? [] : dedented.split(/\n(?=\S)/).map(inTextOrder)));
}

/** A transaction that the shop submits; `below` are the spans of the coordinator below its begin. */
export const submitted = (status: 'confirmed' | 'cancelled', ...below: readonly string[]): string =>
  line(
    // The SDK throws at a cancel, and its span has no status then.
    `tercet submit [shop]${status === 'confirmed' ? ' tcc.status=confirmed' : ''}`,
    begun(...below),
  );

function begun(...below: readonly string[]): string {
  return line('POST [shop]', line('POST /v1/transactions [tercet]', line('tcc begin [tercet]', ...below)));
}

/** What the participant did, by its barrier; `passed on` is of the one in Python. */
type CallOutcome = 'done' | 'refused' | 'nothing_to_undo' | 'passed on';

/** A call of the coordinator, down to the participant. */
export function call(spanName: string, branchId: string, outcome: CallOutcome, activity = 'reserve'): string {
  const [, op = ''] = spanName.split(' ');
  const of = `tcc.attempt=1 tcc.branch.id=${branchId}`;
  if (outcome === 'passed on')
    return line(
      `${spanName} python [tercet] ${of} tcc.reply=succeeded`,
      line('POST [tercet]', line(`GET /${activity}/${op} [ledger]`)),
    );
  const isRefused = outcome === 'refused';
  return line(
    `${spanName} stock [tercet] ${of} tcc.reply=${isRefused ? 'refused' : 'succeeded'}`,
    // To the HTTP client a 409 is an error; to the coordinator a refusal is none.
    line(`POST [tercet]${isRefused ? ' error' : ''}`, served(op, branchId, outcome, activity)),
  );
}

const served = (op: string, branchId: string, outcome: CallOutcome, activity = 'reserve'): string =>
  line(
    `tercet serve stock/${activity} ${op} [stock] tcc.attempt=1 tcc.branch.id=${branchId}`,
    line(`tercet barrier [stock]${outcome === 'refused' ? '' : ` tcc.barrier.outcome=${outcome}`}`),
  );

// Both are shown in docs/observability.md.

export const confirmedTree = submitted(
  'confirmed',
  ...[call('tcc try', 'one', 'done'), call('tcc try', 'two', 'done')],
  line('tcc decide [tercet] tcc.decision=confirm tcc.reason=all_tries_succeeded'),
  ...[call('tcc confirm', 'one', 'done'), call('tcc confirm', 'two', 'done')],
  line('tcc finish [tercet] tcc.status=confirmed'),
);

export const refusedTree = submitted(
  'cancelled',
  ...[call('tcc try', 'good', 'done'), call('tcc try', 'bad', 'refused')],
  line(
    'tcc decide [tercet] tcc.branch.id=bad tcc.decision=cancel tcc.reason=try_refused ' +
      'linked to (tcc try stock of bad)',
  ),
  ...[call('tcc cancel', 'good', 'done'), call('tcc cancel', 'bad', 'nothing_to_undo')],
  line('tcc finish [tercet] tcc.status=cancelled'),
);

/** The shop runs it: it registers the branch, calls its try and asks to confirm. */
export const interactiveTree = line(
  'tercet run [shop] tcc.status=confirmed',
  begun(
    line('tcc decide [tercet] tcc.decision=confirm tcc.reason=confirm_requested'),
    call('tcc confirm', 'stock-reserve-1', 'done'),
    line('tcc finish [tercet] tcc.status=confirmed'),
  ),
  line(
    'POST [shop]',
    line(
      'POST /v1/transactions/:gid/branches [tercet]',
      line('tcc register stock [tercet] tcc.branch.id=stock-reserve-1'),
    ),
  ),
  line(
    'tcc try stock [shop] tcc.branch.id=stock-reserve-1 tcc.reply=succeeded',
    line('GET [shop]', line('GET /v1/participants/:name [tercet]')),
    line('POST [shop]', served('try', 'stock-reserve-1', 'done')),
  ),
  line('POST [shop]', line('POST /v1/transactions/:gid/confirm [tercet]')),
);
