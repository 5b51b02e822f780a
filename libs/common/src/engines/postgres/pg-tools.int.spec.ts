import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endpoints } from '#tools/services/endpoints.js';
import { PgTools, parseToolVersion } from './pg-tools.js';

const { signal } = new AbortController();
const only = (...directories: string[]) => ({ directories, signal });
const nowhere = new PgTools(() => Promise.resolve([]));

describe('installed tools', () => {
  it('are those of the given directories, of the major version of the server', async () => {
    const both = only(endpoints.postgres15.binDir, endpoints.postgres18.binDir);
    const tools = await nowhere.find(18, ['pg_dump', 'pg_dumpall'], both);
    expect(tools).toMatchObject({ major: 18, directory: endpoints.postgres18.binDir });
    expect(tools.versions['pg_dump']).toMatch(/^pg_dump \(PostgreSQL\) 18\./);
    expect(tools.path('pg_restore')).toBe(join(endpoints.postgres18.binDir, 'pg_restore'));
  });

  it('are found where packages put them, without the launcher on PATH', async () => {
    const tools = await new PgTools().find(15, ['pg_dump', 'psql'], only());
    expect(tools).toMatchObject({ major: 15, directory: '/usr/lib/postgresql/15/bin' });
  });

  it('may be newer than the server', async () => {
    const tools = await nowhere.find(15, ['pg_dump'], only(endpoints.postgres18.binDir));
    expect(tools.major).toBe(18);
  });

  it('must not be older', async () => {
    const finding = nowhere.find(18, ['pg_dump'], only(endpoints.postgres15.binDir));
    await expect(finding).rejects.toMatchObject({
      code: 'postgres.tool-too-old',
      message: 'pg_dump of PostgreSQL 15 on this machine, and version 18 or newer is needed',
      hint: expect.stringContaining('postgresql-client-18'),
    });
  });

  it('are named by the package that has them', async () => {
    const finding = nowhere.find(18, ['postgres', 'pg_ctl'], only('/nowhere'));
    await expect(finding).rejects.toMatchObject({ hint: expect.stringContaining('`apt-get install postgresql-18`') });
  });

  it('must be there', async () => {
    await expect(nowhere.find(18, ['pg_dump', 'psql'], only('/nowhere'))).rejects.toMatchObject({
      code: 'postgres.tool-missing',
      message: 'no pg_dump, psql for PostgreSQL 18 on this machine',
      hint: expect.stringContaining('postgresql-client-18'),
    });
  });
});

describe('a directory of programs', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-tools-'));
    await install('16', 'pg_dump', 'echo "pg_dump (PostgreSQL) 16.4"');
    await install('17', 'pg_dump', 'echo "pg_dump (PostgreSQL) 17.2 (Debian 17.2-1.pgdg120+1)"');
    await install('17', 'psql', 'echo "psql (PostgreSQL) 17.2"');
    await install('broken', 'pg_dump', 'echo "no such library" >&2; exit 127');
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function install(version: string, name: string, script: string): Promise<void> {
    await mkdir(join(folder, version), { recursive: true });
    await writeFile(join(folder, version, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, version, name), 0o755);
  }

  const all = () => only(...['broken', '17', '16'].map((name) => join(folder, name)));

  it('is passed over when a tool in it does not run or is absent', async () => {
    expect(await nowhere.find(16, ['pg_dump'], all())).toMatchObject({ major: 16 });
    expect(await nowhere.find(16, ['pg_dump', 'psql'], all())).toMatchObject({ major: 17 });
  });

  it('gives the lowest newer version', async () => {
    expect(await nowhere.find(14, ['pg_dump'], all())).toMatchObject({ major: 16 });
  });

  it('is asked again when a program was replaced', async () => {
    await install('upgraded', 'pg_dump', 'echo "pg_dump (PostgreSQL) 16.4"');
    const here = only(join(folder, 'upgraded'));
    expect(await nowhere.find(16, ['pg_dump'], here)).toMatchObject({ major: 16 });
    await rm(join(folder, 'upgraded', 'pg_dump'));
    await install('upgraded', 'pg_dump', 'echo "pg_dump (PostgreSQL) 18.0"');
    expect(await nowhere.find(16, ['pg_dump'], here)).toMatchObject({ major: 18 });
  });
});

describe('parseToolVersion', () => {
  it.each([
    ['pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n', 15],
    ['pg_restore (PostgreSQL) 19beta1', 19],
    ['psql (PostgreSQL) 18.6', 18],
  ])('reads %p', (text, major) => {
    expect(parseToolVersion(text)).toEqual({ major, version: text.trim() });
  });

  it('does not take another program for one', () => {
    expect(parseToolVersion('zstd 1.5.4')).toBeUndefined();
  });
});
