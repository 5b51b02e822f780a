#!/usr/bin/env node
/**
 * Runs one compiled entry of this repository from any state of the clone: `node tools/bootstrap.mjs <entry> [arguments]`.
 *
 * Refuses a Node that is too old to start with, in words: an older one would stop at the first line of newer syntax. So this
 * file keeps to what Node 14 reads, and loads everything else afterwards.
 */
import fs from 'node:fs';

const wanted = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8')).engines.node;
const numbersOf = (text) =>
  text
    .replace(/^[^0-9]*/, '')
    .split('.')
    .map(Number);

function isOlder(version, than) {
  for (let at = 0; at < than.length; at += 1) {
    if (version[at] !== than[at]) return version[at] < than[at];
  }
  return false;
}

if (isOlder(numbersOf(process.versions.node), numbersOf(wanted))) {
  process.stderr.write(
    `Holdfast needs Node ${wanted.replace('>=', '')} or newer to start, and this is Node ${process.versions.node}: install a newer one\n`,
  );
  process.exit(1);
}
await import('./bootstrap/run.mjs');
