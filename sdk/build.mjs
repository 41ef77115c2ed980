/**
 * Builds `dist` as CommonJS, which `import`, `require` and Jest all load, so that a process has one copy of the SDK (ADR 0031).
 *
 * `typebox` is published as ES modules only, which Jest cannot `require` and older compilers refuse in CommonJS files. So its
 * files become part of `dist`, translated by the compiler.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const sdk = import.meta.dirname;
const dist = join(sdk, 'dist');
const translated = join(dist, 'typebox');
const typebox = join(dirname(fileURLToPath(import.meta.resolve('typebox'))), '..');
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

/** Of its folders; the others compile validators to source text, which the SDK does not. */
const USED = ['error', 'format', 'guard', 'schema', 'system', 'type', 'value'];
const COMMONJS = ['--module', 'commonjs', '--moduleResolution', 'bundler', '--noCheck'];

rmSync(dist, { recursive: true, force: true });
compile('--project', 'tsconfig.json', '--noEmit');
compile('--project', 'tsconfig.json', '--verbatimModuleSyntax', 'false', ...COMMONJS);
translateTypebox();
for (const file of filesIn(dist)) if (/\.(?:js|d\.ts)$/.test(file)) rewrite(file);
writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n');
cpSync(join(sdk, '../LICENSE'), join(sdk, 'LICENSE'));

function compile(...args) {
  execFileSync(process.execPath, [compiler, ...args], { cwd: sdk, stdio: ['ignore', 2, 2] });
}

function translateTypebox() {
  const modules = join(dist, 'typebox-modules');
  mkdirSync(translated, { recursive: true });
  for (const name of [...USED, 'index.mjs', 'index.d.mts', 'typebox.mjs', 'typebox.d.mts'])
    cpSync(join(typebox, 'build', name), join(modules, name), { recursive: true });
  for (const file of filesIn(modules)) {
    const text = readFileSync(file, 'utf8').replaceAll(/(['"]\.{1,2}\/[^'"]*)\.mjs(['"])/g, '$1.js$2');
    rmSync(file);
    const to = join(file.endsWith('.d.mts') ? translated : modules, relative(modules, file));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to.replace(/\.d\.mts$/, '.d.ts').replace(/\.mjs$/, '.js'), text);
  }
  const target = [
    '--ignoreConfig',
    '--allowJs',
    '--target',
    'es2023',
    '--rootDir',
    modules,
    '--outDir',
    translated,
  ];
  compile(join(modules, 'index.js'), join(modules, 'value/index.js'), ...target, ...COMMONJS);
  rmSync(modules, { recursive: true });
  cpSync(join(typebox, 'license'), join(translated, 'license'));
}

/** What differs between the formats: the name of a module's own file, and where `typebox` is. */
function rewrite(file) {
  const text = readFileSync(file, 'utf8');
  const to = (/** @type {string} */ name) =>
    `./${relative(dirname(file), join(translated, name, 'index.js'))}`.replace('./..', '..');
  writeFileSync(
    file,
    text
      .replaceAll(/(['"])typebox(?:\/(value))?\1/g, (_all, quote, name = '') => quote + to(name) + quote)
      .replaceAll('import.meta.url', '__filename'),
  );
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
