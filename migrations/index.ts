/** Every migration, in the order in which they run. Explicit, so that what runs can be read. */
import { InitialSchema1796169600000 } from './1796169600000-initial-schema.ts';

export const migrations = [InitialSchema1796169600000];
