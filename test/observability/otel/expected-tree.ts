/** The trees that the trace stories expect, written as trace-text.ts writes them, with siblings ordered by their text. */

/** A span, and what is below it. */
export const line = (text: string, ...below: readonly string[]): string =>
  [text, ...below.toSorted().map((one) => one.replaceAll(/^/gm, '  '))].join('\n');

/** A transaction that the shop submits; `below` are the spans of the coordinator below its begin. */
export const submitted = (status: 'confirmed' | 'cancelled', ...below: readonly string[]): string =>
  line(
    // The SDK throws at a cancel, and its span has no status then.
    `tercet submit [shop]${status === 'confirmed' ? ' tcc.status=confirmed' : ''}`,
    line('POST [shop]', line('POST /v1/transactions [tercet]', line('tcc begin [tercet]', ...below))),
  );

/** What the participant did, by its barrier; `passed on` is of the one in Python. */
type CallOutcome = 'done' | 'refused' | 'nothing_to_undo' | 'passed on';

/** A call, down to the participant. */
export function call(spanName: string, branchId: string, outcome: CallOutcome, activity = 'reserve'): string {
  const [, op] = spanName.split(' ');
  const of = `tcc.attempt=1 tcc.branch.id=${branchId}`;
  if (outcome === 'passed on')
    return line(
      `${spanName} python [tercet] ${of} tcc.reply=succeeded`,
      line('POST [tercet]', line(`GET /${activity}/${op} [ledger]`)),
    );
  const isRefused = outcome === 'refused';
  return line(
    `${spanName} stock [tercet] ${of} tcc.reply=${isRefused ? 'refused' : 'succeeded'}`,
    line(
      // To the HTTP client a 409 is an error; to the coordinator a refusal is none.
      `POST [tercet]${isRefused ? ' error' : ''}`,
      line(
        `tercet serve stock/${activity} ${op} [stock] ${of}`,
        line(`tercet barrier [stock]${isRefused ? '' : ` tcc.barrier.outcome=${outcome}`}`),
      ),
    ),
  );
}
