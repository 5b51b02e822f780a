/**
 * Installs when node_modules does not match package-lock.json, builds when a source changed, then hands the process over
 * to the Node that package.json pins. It runs before anything is installed, so it must stay plain JavaScript without
 * dependencies, for the oldest Node of `engines`. It writes to stderr only: stdout belongs to the entry (`holdfast --json`).
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { installIfStale } from './install.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const node = join(root, 'node_modules', 'node', 'bin', 'node');

/** Entries are `tools/<name>/main.ts`, save for these. */
const elsewhere = { holdfast: 'bin/holdfast.js', bench: 'bench/main.js', soak: 'test/faults/soak/main.js' };
const entryOf = (name) => join(root, 'dist', elsewhere[name] ?? join('tools', name, 'main.js'));

/** Replaces this process, so that signals, exit code and terminal are the entry's own. */
function become(entry, args) {
  const argv = [node, '--enable-source-maps', entry, ...args];
  if (process.execve) process.execve(node, argv, process.env);
  const child = spawn(node, argv.slice(1), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the child as well; this process only has to outlive it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

const [name, ...args] = process.argv.slice(2);
if (!name) {
  process.stderr.write('usage: node tools/bootstrap.mjs <entry> [arguments]\n');
  process.exit(2);
}
const say = (line) => process.stderr.write(`${line}\n`);
const run = (command, commandArgs) => spawnSync(command, commandArgs, { cwd: root, encoding: 'utf8' });

installIfStale(root, node, { say, run });
const built = build(root, node, { run });
if (name === 'build') {
  say(built.output);
  process.exit(built.failed ? 1 : 0);
}
const entry = entryOf(name);
const isThere = existsSync(entry);
// `check` reports type errors itself, as one of its steps; the bootstrap prints them before every other command.
if (built.failed && !(isThere && ['check', 'test'].includes(name))) say(built.output);
if (!isThere) {
  say(`there is no ${entry.slice(root.length + 1)}`);
  process.exit(1);
}
become(entry, args);
