import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { runsEvery } from '#common/testing/representative.js';
import { newId, Platform } from '#tools/platform/platform.js';
import { dropDatabases, onServer, ServerLogin } from '#tools/platform/server-login.js';
import { waitUntil } from '#tools/platform/wait-until.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type CliResult, holdfast } from '../support/cli.js';
import { findSecrets } from '../support/secret-hunt.js';

/** The other major version, its tools found by themselves, and a repository in a directory: what the other specs do not use. */
const server = 'postgres15';
const CLOSED = 'http://127.0.0.1:9';
const source = newId();
const restored = `${source}_restored`;
const absent = '01987654-3210-7fff-bfff-ffffffffffff';

let disk: string;
let platform: Platform;
let backup: ServerLogin;
let target: ServerLogin;
/** Everything that any command said. */
const said: string[] = [];

beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), 'holdfast-e2e-disk-'));
  backup = await ServerLogin.create(`${source}_backup`, 'BYPASSRLS IN ROLE pg_read_all_data', server);
  target = await ServerLogin.create(`${source}_target`, 'SUPERUSER', server);
  await onServer(server, 'postgres', `CREATE DATABASE ${source}`);
  await onServer(server, source, 'CREATE TABLE notes AS SELECT n, md5(n::text) FROM generate_series(1, 100) n');
  const dataset = (url: string) => ({ kind: 'postgres', url, repositories: ['disk'] });
  platform = await Platform.start({
    secrets: {
      ...{ SHOP_URL: backup.url(source), SHOP_PASSWORD: backup.password },
      ...{ TARGET_URL: target.url('postgres'), TARGET_PASSWORD: target.password },
      GONE_URL: backup.url(`${source}_gone`),
    },
    config: {
      repositories: { disk: { url: pathToFileURL(disk).href } },
      datasets: { shop: dataset('${env:SHOP_URL}'), gone: dataset('${env:GONE_URL}') },
      targets: {
        staging: {
          ...{ kind: 'postgres', url: '${env:TARGET_URL}', privileges: 'keep' },
          accepts: { datasets: ['shop'], strategies: ['new', 'in-place'], destinations: [`${source}_*`] },
        },
      },
      profiles: { equal: { probes: ['checksums', 'row-counts', 'fingerprints'].map((use) => ({ use })) } },
    },
  });
});

afterAll(async () => {
  await platform?.close();
  await dropDatabases(server, `${source}%`);
  await backup?.drop();
  await target?.drop();
  await rm(disk, { recursive: true });
});

/** One command line, as one types it. */
async function type(line: string, config = platform.cliConfigFile): Promise<CliResult> {
  const result = await holdfast([...line.split(' '), '--config', config], platform.env);
  said.push(result.stdout, result.stderr);
  return result;
}

/** The same for a script: its one document. Throws when stdout holds anything else, or stderr anything at all. */
async function script(line: string, config?: string) {
  const { exitCode, stdout, stderr } = await type(`${line} --json`, config);
  expect(stderr).toBe('');
  return { exitCode, document: JSON.parse(stdout) };
}

/** The configuration of the command line with something else in it. */
async function withConfig(name: string, change: (config: Record<string, unknown>) => object): Promise<string> {
  const file = join(platform.folder, `${name}.yaml`);
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(platform.cliConfigFile, 'utf8')))));
  return file;
}

describe('a person at the command line', () => {
  it('backs up, looks, restores with proof, and reads what happened', async () => {
    expect(await type('backup run shop --wait')).toMatchObject({ exitCode: 0, stderr: '' });
    const rows = { exitCode: 0, stderr: '', stdout: expect.stringContaining('100') };
    expect(await type('backup list --dataset shop')).toMatchObject(rows);
    const shown = await type('backup show shop@latest');
    expect(shown).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/restore by hand\n.*zstd/s) });
    const plan = await type(`restore plan shop@latest --target staging --destination ${restored}`);
    expect(plan).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing stands in the way') });
    const run = await type(`restore run shop@latest --target staging --destination ${restored} --profile equal --wait`);
    expect(run).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('passed') });
    const runs = await type('runs list --dataset shop');
    expect(runs.stdout).toMatch(/verification.*completed(.|\n)*restore.*completed(.|\n)*backup.*completed/);
  });

  it('reads the code and the next step when it does not work', async () => {
    const { exitCode, stdout, stderr } = await type('backup run gone --wait');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^error postgres[.]database-missing: .+\n {2}sqlState: 3D000\nhint: [A-Z].+[.]\n$/);
  });

  it('is warned by check where backups cannot record what the application sees', async () => {
    const tenantTables = { column: 'tenant', application: { role: 'nowhere', tenantSetting: 'app.tenant' } };
    const config = await withConfig('application', ({ datasets, ...rest }) => {
      const { shop } = datasets as { shop: object };
      return { ...rest, datasets: { ...(datasets as object), shop: { ...shop, tenantTables } } };
    });
    const warning = expect.stringContaining('what the application sees: role nowhere does not exist');
    expect(await type('check --dataset shop', config)).toMatchObject({ exitCode: 0, stdout: warning });
  });

  it('finds examples under --help', async () => {
    const { exitCode, stdout, stderr } = await holdfast(['backup', 'run', '--help'], platform.env);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/Examples:\n {2}\$ holdfast backup run/);
  });
});

describe('a script', () => {
  const restore = `restore run shop@latest --target staging --destination`;

  /** Rows of the same table that others stand for in `npm test`. */
  const more: [number, string, object][] = [
    [2, `backup show ${absent}`, { error: { code: 'backup.missing' } }],
    [2, 'restore run shop@latest', { error: { code: 'request.invalid' } }],
    [2, `${restore} ${source}_x --strategy odd`, { error: { code: 'request.invalid' } }],
    [2, 'backup frobnicate', { error: { code: 'request.invalid' } }],
    [3, 'backup run nobody --wait', { error: { code: 'request.refused' } }],
    [3, `${restore} ${source}_x --profile nope`, { error: { code: 'request.refused' } }],
    [0, 'backup run shop', { state: 'pending', runId: expect.any(String) }],
  ];

  it.each<[number, string, object]>([
    [0, 'check --dataset shop', { isGood: true }],
    [1, 'check', { isGood: false }],
    [0, 'backup list', { backups: expect.any(Array) }],
    [0, 'backup show shop@latest', { dataset: 'shop', objects: expect.any(Array) }],
    [0, 'backup run shop --method dump --wait', { state: 'completed', kind: 'backup', request: { method: 'dump' } }],
    [0, `restore plan shop@latest --target staging --destination ${source}_x`, { refusals: [] }],
    [0, `verify run --target staging --destination ${restored} --backup shop@latest --profile equal --wait`, {}],
    [1, 'backup run gone --wait', { error: { code: 'postgres.database-missing' } }],
    [2, 'backup show nonsense', { error: { code: 'request.invalid' } }],
    [2, `runs show ${absent}`, { error: { code: 'run.missing' } }],
    [2, 'backup run', { error: { code: 'request.invalid' } }],
    [
      3,
      'backup run shop --method magic',
      { error: { code: 'request.refused', context: { known: expect.arrayContaining(['dump', 'base']) } } },
    ],
    [3, 'replay run --backup shop@latest --mode reset', { error: { code: 'request.refused' } }],
    [3, `${restore} payroll`, { error: { code: 'request.refused' } }],
    [3, `${restore} ${restored} --wait`, { error: { code: 'restore.database-exists' } }],
    [3, `restore plan shop@latest --target staging --destination ${restored}`, { exists: true }],
    ...(runsEvery ? more : []),
  ])('gets exit code %i and one document from %s', async (exitCode, line, document) => {
    expect(await script(line)).toMatchObject({ exitCode, document });
  });

  it.each([
    [
      4,
      'no server answers',
      (config: object) => ({ ...config, api: { url: CLOSED, token: platform.secrets['API_TOKEN'] } }),
    ],
    [3, 'the token is wrong', (config: object) => ({ ...config, api: { ...apiOf(config), token: 'x'.repeat(20) } })],
    [2, 'a key is misspelled', (config: object) => ({ ...config, datasetz: {} })],
  ])('gets exit code %i when %s', async (exitCode, what, change) => {
    const config = await withConfig(what.replaceAll(' ', '-'), change);
    const answer = await script('backup run shop --wait', config);
    expect(answer).toMatchObject({ exitCode, document: { error: { hint: expect.stringMatching(/[.]$/) } } });
  });

  it('gets exit code 2 when there is no configuration', async () => {
    const answer = await script('backup list', join(platform.folder, 'absent.yaml'));
    expect(answer).toMatchObject({ exitCode: 2, document: { error: { code: 'config.invalid' } } });
  });

  it('gets exit code 1 and the evidence when the verdict is failed', async () => {
    await onServer(server, restored, 'DELETE FROM notes WHERE n = 7');
    const line = `verify run --target staging --destination ${restored} --backup shop@latest --profile equal --wait`;
    const { exitCode, document } = await script(line);
    expect(exitCode).toBe(1);
    expect(document.result).toMatchObject({ verdict: 'failed' });
    expect(JSON.stringify(document.result)).toContain('public.notes');
    const repair = `restore run shop@latest --target staging --destination ${restored} --strategy in-place --profile equal --wait`;
    expect(await script(repair)).toMatchObject({ exitCode: 0 });
  });

  it('finds what would block a restore in place, and doubles no rows when it is run all the same', async () => {
    await onServer(server, restored, 'CREATE VIEW in_the_way AS SELECT n FROM notes');
    const wish = `shop@latest --target staging --destination ${restored} --strategy in-place`;
    const plan = await script(`restore plan ${wish}`);
    expect(plan).toMatchObject({
      exitCode: 3,
      document: { refusals: [{ message: expect.stringContaining('in_the_way') }] },
    });
    const run = await script(`restore run ${wish} --wait`);
    expect(run).toMatchObject({ exitCode: 3, document: { error: { code: 'restore.blocked' } } });
    expect(await onServer(server, restored, 'SELECT count(*)::int FROM notes')).toEqual([{ count: 100 }]);
    await onServer(server, restored, 'DROP VIEW in_the_way');
  });

  it('cancels a run and sees it end', async () => {
    const holder = new pg.Client({ connectionString: endpoints[server].url.replace(/[^/]+$/, source) });
    await holder.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE notes');
      const { document } = await script('backup run shop');
      expect(await script(`runs cancel ${document.runId} --reason enough`)).toMatchObject({ exitCode: 0 });
      const ended = await script(`runs show ${document.runId} --wait`);
      expect(ended).toMatchObject({ exitCode: 1, document: { error: { code: 'run.cancelled' } } });
    } finally {
      await holder.end();
    }
  });
});

describe('with neither bus nor catalog', () => {
  let config: string;

  beforeAll(async () => {
    config = await withConfig('disaster', (given) => ({
      ...given,
      bus: { brokers: ['127.0.0.1:9'] },
      catalog: { url: 'postgres://nobody:nothing@127.0.0.1:9/nowhere' },
      api: { url: CLOSED, token: 'x'.repeat(20) },
    }));
  });

  it('--local backs up, lists, shows, restores and verifies, from the repository alone', async () => {
    const made = await script('backup run shop --local', config);
    expect(made).toMatchObject({ exitCode: 0, document: { dataset: 'shop', counts: { tables: 1, rows: 100 } } });
    const { id } = made.document;
    const { document } = await script('backup list --local', config);
    expect(document.backups[0].id).toBe(id);
    expect((await script('backup list', config)).document).toEqual(document);
    expect((await script(`backup show ${id}`, config)).document).toMatchObject({ backupId: id });
    const where = `--target staging --destination ${source}_local --profile equal --local`;
    const back = await script(`restore run ${id} ${where}`, config);
    expect(back).toMatchObject({ exitCode: 0, document: { verification: { verdict: 'passed' } } });
    const again = await script(`restore run shop@latest ${where} --strategy in-place`, config);
    expect(again).toMatchObject({ exitCode: 0, document: { verification: { verdict: 'passed' } } });
    const proven = await script(`verify run --backup ${id} ${where}`, config);
    expect(proven).toMatchObject({ exitCode: 0, document: { verdict: 'passed' } });
    await onServer(server, `${source}_local`, 'UPDATE notes SET md5 = md5(md5) WHERE n = 5');
    const refuted = await script(`verify run --backup ${id} ${where}`, config);
    expect(refuted).toMatchObject({ exitCode: 1, document: { verdict: 'failed' } });
  });

  it('needs no mention of them in the configuration either', async () => {
    const bare = await withConfig('bare', ({ bus: _, catalog: __, api: ___, ...rest }) => rest);
    expect(await script('backup run shop --local', bare)).toMatchObject({ exitCode: 0 });
    expect(await script('backup run shop', bare)).toMatchObject({ exitCode: 4 });
  });

  it('stopped by Ctrl-C, it ends what it does, leaves nothing behind and says what that means', async () => {
    const holder = new pg.Client({ connectionString: endpoints[server].url.replace(/[^/]+$/, source) });
    await holder.connect();
    const objects = () => readdir(disk, { recursive: true });
    const before = await objects();
    try {
      await holder.query('BEGIN; LOCK TABLE notes');
      const stop = new AbortController();
      const stopped = holdfast(
        ['backup', 'run', 'shop', '--local', '--json', '--config', config],
        platform.env,
        stop.signal,
      );
      await waitUntil('the backup waits for the lock', async () => {
        const waiting = `SELECT pid FROM pg_stat_activity WHERE usename = '${backup.user}' AND wait_event_type = 'Lock'`;
        return (await onServer(server, 'postgres', waiting)).length === 1;
      });
      stop.abort();
      const { exitCode, stdout } = await stopped;
      const error = { code: 'run.interrupted', message: 'stopped by SIGINT' };
      expect([exitCode, JSON.parse(stdout)]).toMatchObject([1, { error }]);
    } finally {
      await holder.end();
    }
    expect(await objects()).toEqual(before);
  });

  it('refuses what the target does not accept, as the services would', async () => {
    const line = 'restore run shop@latest --target staging --destination payroll --local';
    expect(await script(line, config)).toMatchObject({ exitCode: 3, document: { error: { code: 'request.refused' } } });
  });
});

describe('in the end', () => {
  it('services stop at SIGTERM with exit code 0, and no secret shows anywhere', async () => {
    expect(await platform.stop()).toEqual({ scheduler: 0, executor: 0, verifier: 0 });
    expect(await findSecrets(platform)).toEqual([]);
    expect(Object.entries(platform.secrets).filter(([, secret]) => said.join('\n').includes(secret))).toEqual([]);
  });
});
const apiOf = (config: object): object => (config as { api: object }).api;
