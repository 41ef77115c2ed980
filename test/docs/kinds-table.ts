/** The table of docs/participants.md that says which calls an activity serves, made from the table that the coordinator and the SDK go by. */
import { isServed, Kind } from '@tercet/sdk/wire';

export function kindsTable(): string {
  const head = ['declared', ...Kind.enum.map((kind) => `called as \`${kind}\``)];
  const rows = Kind.enum.map((declared) => [
    `\`${declared}\``,
    ...Kind.enum.map((kind) => (isServed(declared, kind) ? 'served' : '422')),
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
