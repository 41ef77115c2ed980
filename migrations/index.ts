/** Every migration, in the order in which they run. Explicit, so that what runs can be read. */
import { InitialSchema1796083200000 } from './1796083200000-initial-schema.ts';
import { Attention1796169600000 } from './1796169600000-attention.ts';

export const migrations = [InitialSchema1796083200000, Attention1796169600000];
