/**
 * Loaded into a process before its own code (`node --import`): a coordinator in it compensates all steps of a saga at once, in
 * place of the last first. So the demo can be seen to notice.
 */
import { registerHooks } from 'node:module';

const RULE = '!upstream.has(branchId)';

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith('/src/domain/open-calls.ts')) return loaded;
    const source = String(loaded.source);
    if (!source.includes(RULE)) throw new Error(`${url} no longer says ${RULE}: say here what to leave out`);
    return { ...loaded, source: source.replace(RULE, 'true') };
  },
});
