/**
 * Participants as label values, of which there is only a limited number: each is a set of time series, in this process
 * and in whatever collects them.
 */
import { isAddress } from '../application/allowed-addresses.ts';
import { ADDRESS_LABEL, OTHER_LABEL } from './catalogue.ts';

/** More participants than nearly anybody registers; each makes about fifty time series. */
export const MAX_PARTICIPANT_LABELS = 200;

export class ParticipantLabels {
  readonly #names = new Set<string>();

  /** The first names that are met keep their own label; addresses share one, and so do the names over the limit. */
  of(participant: string): string {
    if (this.#names.has(participant)) return participant;
    if (isAddress(participant)) return ADDRESS_LABEL;
    if (this.#names.size >= MAX_PARTICIPANT_LABELS) return OTHER_LABEL;
    this.#names.add(participant);
    return participant;
  }
}
