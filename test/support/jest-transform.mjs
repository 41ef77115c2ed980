// Strips types as `node file.ts` does, so that tests see exactly the code that runs. Positions stay, so no source map.
import { createHash } from 'node:crypto';
import { stripTypeScriptTypes } from 'node:module';

export default {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
  // Another Node may strip differently: its version is part of the key.
  getCacheKey: (source, path) =>
    createHash('sha256').update([process.version, path, source].join('\0')).digest('hex'),
};
