/** Where a page of events ends: opaque to clients, so that what a page starts with may change. */
import type { Decision } from '../domain/index.ts';
import { cursorOf, placeIn } from './cursor.ts';

export type EventCursor = { readonly seq: number; readonly decision: Decision | null };

export const START: EventCursor = { seq: 0, decision: null };

const FORM = /^(\d{1,9}):(confirm|cancel|)$/;

export const eventCursorOf = ({ seq, decision }: EventCursor): string => cursorOf(`${seq}:${decision ?? ''}`);

/** Null for a text that is no cursor. */
export function readEventCursor(text: string): EventCursor | null {
  const [, seq, decision] = FORM.exec(placeIn(text) ?? '') ?? [];
  if (seq === undefined) return null;
  const cursor = { seq: Number(seq), decision: decision === '' ? null : (decision as Decision) };
  return eventCursorOf(cursor) === text ? cursor : null;
}
