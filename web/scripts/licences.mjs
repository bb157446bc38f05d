// Fails when a package that goes into the built app, or is needed to build it, has a licence that is
// not permissive.
import { readFileSync } from 'node:fs';

const ALLOWED = /^(MIT|MIT-0|ISC|0BSD|BSD-2-Clause|BSD-3-Clause|Apache-2\.0|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-4\.0|MPL-2\.0|Python-2\.0|Unlicense)$/;
const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const refused = [];
let count = 0;
for (const [path, info] of Object.entries(lock.packages)) {
  if (!path) continue;
  count += 1;
  const choices = String(info.license ?? '').replace(/[()]/g, '').split(/ OR /);
  if (!choices.some((choice) => choice.split(/ AND /).every((one) => ALLOWED.test(one.trim())))) {
    refused.push(`${path.replace('node_modules/', '')}: ${info.license ?? 'no licence named'}`);
  }
}
if (refused.length > 0) {
  console.error(`Licences to look at:\n  ${refused.join('\n  ')}`);
  process.exit(1);
}
console.log(`${count} packages, all with permissive licences`);
