/**
 * Participants by name, in the same database. They are asked for at every call, so what was read is kept for a
 * second: an address that an operator corrects is in use that much later at the latest, on every replica. While the database cannot
 * be asked, what was read last is used: calls go on where they went.
 */
import { type DataSource, MoreThan } from 'typeorm';
import type {
  Participant,
  ParticipantPage,
  ParticipantRegistry,
  Registration,
} from '../../application/ports.ts';
import { ask } from './ask.ts';
import { participantColumns } from './columns.ts';
import { type ParticipantRow, participantEntity } from './entities.ts';

const KEPT_MS = 1000;

export class SqlParticipantRegistry implements ParticipantRegistry {
  readonly #dataSource: DataSource;
  readonly #kept = new Map<
    string,
    { readonly participant: Promise<Participant | null>; readonly until: number }
  >();

  /** What was read last, of names that are registered. */
  readonly #known = new Map<string, Participant>();

  constructor(given: { dataSource: DataSource }) {
    this.#dataSource = given.dataSource;
  }

  find(name: string): Promise<Participant | null> {
    const kept = this.#kept.get(name);
    if (kept && kept.until > performance.now()) return kept.participant;
    const participant = this.#readOrKnown(name);
    this.#kept.set(name, { participant, until: performance.now() + KEPT_MS });
    // Neither a failure nor an absence is kept: names that do not exist must not fill the memory.
    const forget = () => this.#kept.delete(name);
    participant.then((found) => found ?? forget(), forget);
    return participant;
  }

  async list(page?: ParticipantPage): Promise<readonly Participant[]> {
    const which = page && { where: { name: MoreThan(page.after) }, take: page.limit };
    const rows = await ask(this.#dataSource, (manager) =>
      manager.getRepository(participantEntity).find({ ...which, order: { name: 'ASC' } }),
    );
    return rows.map(participantOf);
  }

  /** Several services may register one participant at the same moment: of each column the last value stays. */
  async put(registration: Registration): Promise<{ readonly isNew: boolean }> {
    const { name } = registration;
    const given = givenColumns(registration);
    const isNew = (await this.#read(name)) === null;
    const replaced = Object.keys(given).map(
      (property) => participantColumns[property as keyof typeof given].name,
    );
    await ask(this.#dataSource, (manager) =>
      manager
        .createQueryBuilder()
        .insert()
        .into(participantEntity)
        .values({ name, paths: '{}', ...given })
        .orUpdate(replaced, ['name'])
        .execute(),
    );
    this.#kept.delete(name);
    return { isNew };
  }

  async remove(name: string): Promise<boolean> {
    const isRegistered = (await this.#read(name)) !== null;
    await ask(this.#dataSource, (manager) => manager.getRepository(participantEntity).delete({ name }));
    this.#kept.delete(name);
    this.#known.delete(name);
    return isRegistered;
  }

  async #readOrKnown(name: string): Promise<Participant | null> {
    try {
      const participant = await this.#read(name);
      if (participant === null) this.#known.delete(name);
      else this.#known.set(name, participant);
      return participant;
    } catch (error) {
      const known = this.#known.get(name);
      if (known) return known;
      throw error;
    }
  }

  async #read(name: string): Promise<Participant | null> {
    const row = await ask(this.#dataSource, (manager) =>
      manager.getRepository(participantEntity).findOneBy({ name }),
    );
    return row && participantOf(row);
  }
}

/** A column that is left out keeps its value: so what a registration leaves out is kept without being read. */
const givenColumns = ({
  baseUrls,
  paths,
  activities,
  callTimeoutMs,
  secrets,
  maxConcurrentCalls,
  maxCallsPerSecond,
}: Registration) => ({
  baseUrls: JSON.stringify(baseUrls),
  ...(paths && { paths: JSON.stringify(paths) }),
  ...(callTimeoutMs !== undefined && { callTimeoutMs }),
  ...(activities && { activities: JSON.stringify(activities) }),
  ...(secrets && { secrets: JSON.stringify(secrets) }),
  ...(maxConcurrentCalls !== undefined && { maxConcurrentCalls }),
  ...(maxCallsPerSecond !== undefined && { maxCallsPerSecond }),
});

const participantOf = ({
  name,
  baseUrls,
  paths,
  activities,
  callTimeoutMs,
  secrets,
  maxConcurrentCalls,
  maxCallsPerSecond,
}: ParticipantRow): Participant => ({
  name,
  baseUrls: JSON.parse(baseUrls),
  paths: JSON.parse(paths),
  callTimeoutMs,
  ...(activities && { activities: JSON.parse(activities) }),
  ...(secrets && { secrets: JSON.parse(secrets) }),
  ...(maxConcurrentCalls !== null && { maxConcurrentCalls }),
  ...(maxCallsPerSecond !== null && { maxCallsPerSecond }),
});
