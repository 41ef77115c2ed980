/** The participants that a request names, and what makes it unusable before the protocol is asked. */
import { isAddress } from './allowed-addresses.ts';
import type { Rejected } from './outcome.ts';
import type { ParticipantRegistry } from './ports.ts';
import { type MaxPolicy, overMaximum, type Participants, type PolicyRequest } from './requests.ts';

export async function participantsOf(
  registry: ParticipantRegistry,
  called: readonly { readonly participant: string }[],
): Promise<Participants> {
  const names = [...new Set(called.map(({ participant }) => participant))];
  const find = async (name: string) => [name, await registry.find(name)] as const;
  return new Map(await Promise.all(names.map(find)));
}

export function unknownIn(participants: Participants): Rejected | null {
  const [about] = [...participants].find(([, found]) => found === null) ?? [];
  if (about === undefined) return null;
  return { accepted: false, code: isAddress(about) ? 'address_not_allowed' : 'unknown_participant', about };
}

export function overMaximumIn(request: PolicyRequest, max: MaxPolicy): Rejected | null {
  const about = overMaximum(request, max);
  return about === null ? null : { accepted: false, code: 'setting_over_maximum', about };
}
