/** A participant as logs and spans name it: the path of an address, and a user in it, may be secret. */
import { isAddress } from '../application/allowed-addresses.ts';
import { ADDRESS_LABEL } from './catalogue.ts';

/** The name, or the origin of an address. */
export const labelOf = (participant: string): string =>
  isAddress(participant) ? (URL.parse(participant)?.origin ?? ADDRESS_LABEL) : participant;
