import { describe, expect, it } from '@jest/globals';
import type { ManifestObject } from '#common/contracts/manifest.js';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { toCommandsByHand } from '#common/engines/postgres/dump/dump-by-hand.js';
import { toRestoreByHand } from './by-hand.js';

const sha256 = 'ab'.repeat(32);

const [ARCHIVE, GLOBALS] = ['database.dump', 'globals.sql'];

/** Of an encrypted backup or a plain one. */
const objectsOf = (encryption: 'age' | 'none'): ManifestObject[] =>
  [ARCHIVE, GLOBALS].map((raw) => {
    const name = `${raw}${encryption === 'age' ? '.zst.age' : '.zst'}`;
    return { name, key: `shop/1/a1-x/${name}`, sizeBytes: 1, sha256, compression: 'zstd' as const, encryption };
  });

const locale = { encoding: 'UTF8', collation: 'C', characterType: 'C', localeProvider: 'builtin', locale: 'C.UTF-8' };

function linesOf(database: string, location: string, encryption: 'age' | 'none' = 'none'): string[] {
  const facts = { database, ...locale } as SnapshotFacts;
  const tools = { pg_dump: 'pg_dump (PostgreSQL) 18.6' };
  const ofEngine = toCommandsByHand({ facts, tools, needs: [], requires: [] });
  return toRestoreByHand(objectsOf(encryption), location, ofEngine);
}

const commandsOf = (database: string, location: string): string[] =>
  linesOf(database, location).filter((line) => !line.startsWith('#'));

describe('restore by hand', () => {
  it('fetches from an S3 server, with its endpoint when it has one', () => {
    const [first, second] = commandsOf('shop', 's3://holdfast/prod at https://s3.example:9000');
    expect(first).toBe(
      'aws s3 cp s3://holdfast/prod/shop/1/a1-x/database.dump.zst database.dump.zst --endpoint-url https://s3.example:9000',
    );
    expect(second).toContain('globals.sql.zst');
    expect(commandsOf('shop', 's3://holdfast at Amazon S3 in eu-central-1')[0]).toBe(
      'aws s3 cp s3://holdfast/shop/1/a1-x/database.dump.zst database.dump.zst --region eu-central-1',
    );
  });

  it('fetches from below any prefix', () => {
    expect(commandsOf('shop', "s3://holdfast/50% at Zürich's at https://s3.example")[0]).toBe(
      `aws s3 cp 's3://holdfast/50% at Zürich'\\''s/shop/1/a1-x/database.dump.zst' database.dump.zst --endpoint-url https://s3.example`,
    );
  });

  it('copies from a directory, whatever its name', () => {
    expect(commandsOf('shop', `file:///mnt/it's here/`)[0]).toBe(
      `cp '/mnt/it'\\''s here/shop/1/a1-x/database.dump.zst' database.dump.zst`,
    );
  });

  it('checks, unpacks, creates and analyzes, in this order', () => {
    expect(commandsOf('shop', 'file:///backups').slice(2)).toEqual([
      `echo '${sha256}  database.dump.zst' | sha256sum --check`,
      `echo '${sha256}  globals.sql.zst' | sha256sum --check`,
      'zstd -d database.dump.zst',
      'zstd -d globals.sql.zst',
      'psql --dbname=postgres --file=globals.sql',
      'pg_restore --create --dbname=postgres database.dump',
      'vacuumdb --analyze-only --dbname=shop',
    ]);
  });

  it('decrypts what is encrypted', () => {
    const lines = linesOf('shop', 'file:///backups', 'age');
    expect(lines.filter((line) => line.includes('identity.txt'))).toEqual([
      expect.stringMatching(/^# The objects are encrypted/),
      'age --decrypt --identity identity.txt --output database.dump.zst database.dump.zst.age',
      'age --decrypt --identity identity.txt --output globals.sql.zst globals.sql.zst.age',
    ]);
    expect(lines).toContain('zstd -d database.dump.zst');
  });

  it('lets no name of a database become a command', () => {
    const lines = linesOf(`x\nrm -rf /; $(id) '=`, 'file:///backups');
    expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
    expect(lines.at(-1)).toBe(`vacuumdb --analyze-only --dbname='dbname='\\''x rm -rf /; $(id) \\'\\''='\\'''`);
  });
});
