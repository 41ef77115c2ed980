// Stands in front of every npm script: says what to do when the pre-script was skipped (ignore-scripts=true, or a script
// called by hand) and when the script would run on too old a Node. It changes nothing.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { majorOf, neededMajor, stampMatches } from './installed.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const complaint = complaintAboutInstall() ?? complaintAboutNode();

if (complaint !== null) {
  process.stderr.write(`guard: ${complaint}\n`);
  process.exit(1);
}

function complaintAboutInstall() {
  if (stampMatches(root, process.env)) return null;
  return 'the dependencies of package-lock.json are not installed, and the pre-script that does it was skipped. Run: node scripts/setup.mjs';
}

function complaintAboutNode() {
  if (majorOf(process.version) >= neededMajor) return null;
  return (
    `this runs on Node ${process.version.slice(1)}; Tercet needs ${neededMajor} or newer. Start it with "npm run …", which finds ` +
    `the Node in node_modules/.bin first, or put Node ${neededMajor} first on PATH.`
  );
}
