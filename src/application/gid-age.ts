/**
 * How old a gid may be that an initiator brings. It says itself when it was made: the first 48 bits of a UUIDv7.
 *
 * When a transaction is removed, the coordinator forgets that its gid was ever used, and participants may still remember
 * it: their barriers would take a second transaction with this gid for the first one. So a gid has to be too old to be
 * begun with before its transaction can have been removed. With retention R a gid is too old from R/2 on, and it is
 * removed R after its end at the earliest; one that is made ahead of time outlives that by as much, and so is taken
 * only when it lies ahead by at most R/4, and never by more than a day.
 */
import type { Instant, Now } from '../domain/index.ts';

const MAX_AHEAD_MS = 86_400_000;

/** The instant in a UUIDv7. */
export const instantOfGid = (gid: string): Instant =>
  Number.parseInt(`${gid.slice(0, 8)}${gid.slice(9, 13)}`, 16);

export type GidAge =
  | { readonly code: 'gid_too_old'; readonly limitAt: Instant }
  | { readonly code: 'gid_in_future'; readonly limitAt: Instant };

/** Why a transaction cannot be begun with this gid now; null when it can. In doubt about the time it cannot. */
export function gidAgeFault(gid: string, now: Now, retentionMs: number): GidAge | null {
  const at = instantOfGid(gid);
  const oldestAt = now.latest - retentionMs / 2;
  if (at < oldestAt) return { code: 'gid_too_old', limitAt: oldestAt };
  const newestAt = now.earliest + Math.min(MAX_AHEAD_MS, retentionMs / 4);
  if (at > newestAt) return { code: 'gid_in_future', limitAt: newestAt };
  return null;
}
