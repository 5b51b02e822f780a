import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseFacts } from '#common/contracts/base-facts.js';
import { combineCopies, type UnpackOptions } from './combine-copies.js';
import { makeEmpty, unpackCopy } from './unpack-copy.js';

/**
 * Makes the data directory, proves every file by the backup's own manifest, and leads its tablespaces to folders of its own: those of the
 * source may be in use. Throws: recovery.directory, backup.corrupt, engine.*; for a backup that builds on others: backup.missing, backup.damaged,
 * recovery.failed.
 */
export async function unpackBase(o: UnpackOptions): Promise<void> {
  const { facts, directory, toTablespace, owner } = o;
  await makeEmpty(directory, owner);
  const tablespaces = facts.tablespaces.map(({ oid }) => oid);
  await (facts.chain.length === 0 ? unpackCopy({ ...o, tablespaces }) : combineCopies(o));
  // A copy of a standby would wait for its primary.
  await rm(join(directory, 'standby.signal'), { force: true });
  await forgetTargets(join(directory, 'postgresql.auto.conf'));
  if (tablespaces.length > 0) await remapTablespaces(directory, { known: facts.tablespaces, toTablespace });
}

/** Of an earlier recovery of the source: a server takes no second target. */
async function forgetTargets(file: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const kept = lines.filter((line) => !/^\s*recovery_target(?:_\w+)?\s*=/.test(line));
  if (kept.length < lines.length) await writeFile(file, kept.join('\n'));
}

interface Remapping {
  readonly known: BaseFacts['tablespaces'];
  readonly toTablespace: (oid: string) => string;
}

/** The server makes the links anew from this file at its first start. */
async function remapTablespaces(directory: string, { known, toTablespace }: Remapping): Promise<void> {
  const file = join(directory, 'tablespace_map');
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  const oids = new Set(known.map(({ oid }) => oid));
  const moved = lines.map((line) => {
    const oid = line.slice(0, line.indexOf(' '));
    return oids.has(oid) ? `${oid} ${toTablespace(oid)}` : line;
  });
  await writeFile(file, `${moved.join('\n')}\n`);
}
