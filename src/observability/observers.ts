/** Several observers as one, which keeps its promise not to throw whatever they do. */
import type { Log, Observer } from '../application/ports.ts';

export function observers(all: readonly Observer[], log: Log): Observer {
  const failed = new Set<Observer>();

  /** The failure of one keeps nothing from the others, and is told once: it may well come with every call. */
  const tell = (what: (observer: Observer) => void): void => {
    for (const observer of all) {
      attempt(
        () => what(observer),
        (error) => {
          if (failed.has(observer)) return;
          failed.add(observer);
          attempt(() => log.error('observer failed: metrics or log lines are missing from now on', error));
        },
      );
    }
  };

  return {
    saved: (before, after) => tell((observer) => observer.saved(before, after)),
    called: (call) => tell((observer) => observer.called(call)),
    completed: (tx, completed) => tell((observer) => observer.completed(tx, completed)),
    circuitChanged: (participant, state, failure) =>
      tell((observer) => observer.circuitChanged(participant, state, failure)),
    participantRecovered: (participant) => tell((observer) => observer.participantRecovered(participant)),
    resumed: (participant, count) => tell((observer) => observer.resumed(participant, count)),
    participantRegistered: (participant, former) =>
      tell((observer) => observer.participantRegistered(participant, former)),
    participantRemoved: (participant) => tell((observer) => observer.participantRemoved(participant)),
    committed: (saveCount) => tell((observer) => observer.committed(saveCount)),
    removed: (count) => tell((observer) => observer.removed(count)),
  };
}

function attempt(act: () => void, onError: (error: unknown) => void = () => {}): void {
  try {
    act();
  } catch (error) {
    onError(error);
  }
}
