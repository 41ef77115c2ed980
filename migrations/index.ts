/** Every migration, in the order in which they run. Explicit, so that what runs can be read. */
import { Initial1763683200000 } from './1763683200000-initial.ts';
import { ParticipantActivities1764460800000 } from './1764460800000-participant-activities.ts';

export const migrations = [Initial1763683200000, ParticipantActivities1764460800000];
