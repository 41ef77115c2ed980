// Prints what an entry point exports by one of `import` and `require` only.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const ADDED = ['default', 'module.exports', '__esModule'];
const namesOf = (module) => new Set(Object.keys(module).filter((name) => !ADDED.includes(name)));

for (const entryPoint of process.argv.slice(2)) {
  const [imported, required] = [namesOf(await import(entryPoint)), namesOf(require(entryPoint))];
  for (const name of new Set([...imported, ...required]))
    if (!imported.has(name) || !required.has(name)) console.log(entryPoint, name);
  if (imported.size === 0) console.log(entryPoint, 'exports nothing');
}
