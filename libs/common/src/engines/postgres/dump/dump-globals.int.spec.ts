import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toPgEnvironment } from '#common/pg/environment.js';
import { runCommand } from '#common/process/run-command.js';
import { RestoreTestBed } from '#common/testing/restore-test-bed.js';

const { signal } = new AbortController();

describe.each(['postgres18', 'postgres15'] as const)('the roles beside a dump of %s', (server) => {
  let bed: RestoreTestBed;
  let globals: string;
  let roles: { app: string; group: string; outer: string; foreign: string };
  beforeAll(async () => {
    bed = await RestoreTestBed.create(server, 'CREATE TABLE items (id int)');
    const { source } = bed;
    const [app, group, outer] = [
      await source.createRole('app', 'LOGIN'),
      await source.createRole('group'),
      await source.createRole('outer'),
    ];
    roles = { app, group, outer, foreign: await source.createRole('foreign', 'LOGIN') };
    await source.execute(
      ...[`GRANT ${group} TO ${app}`, `GRANT ${outer} TO ${group}`, `GRANT ${outer} TO ${roles.foreign}`],
      ...[
        `ALTER ROLE ${app} SET app.jwt_secret = 'hunter2'`,
        `ALTER ROLE ${app} SET app.tenant = 'it''s \\; \n north'`,
      ],
      `GRANT SELECT ON items TO ${app}`,
    );
    const object = (await bed.backup()).objects.find(({ name }) => name === 'globals.sql.zst');
    const path = join(bed.backups.folder, 'repository', object?.key ?? '');
    globals = (await runCommand({ program: 'zstd', args: ['-dc', path] }, { signal })).stdout;
  });
  afterAll(() => bed.drop());

  it('are those that the backup refers to, with the roles whose members they are, and no secret', () => {
    const created = [...globals.matchAll(/^CREATE ROLE (.*);$/gm)].map(([, name]) => name);
    expect(created.sort()).toEqual([roles.app, roles.group, roles.outer, 'postgres'].sort());
    expect(globals).not.toContain(roles.foreign);
    expect(globals).not.toMatch(/jwt_secret|hunter2/);
  });

  it('come back by psql alone, and leave the other roles of the server as they are', async () => {
    const { app, group, outer, foreign } = roles;
    const { source } = bed;
    await source.execute(`REVOKE SELECT ON items FROM ${app}`);
    await source.onServer(`ALTER ROLE ${foreign} NOLOGIN CONNECTION LIMIT 3`, `REVOKE ${outer} FROM ${foreign}`);
    await source.onServer(`DROP ROLE ${app}, ${group}, ${outer}`);
    const file = join(bed.backups.folder, 'globals.sql');
    await writeFile(file, globals);
    const [psql] = bed.target({}, 'postgres18').toolDirectories;
    const env = toPgEnvironment(bed.connectionTo('postgres'), 'spec');
    await runCommand({ program: `${psql}/psql`, args: ['-X', '-q', `--file=${file}`], env }, { signal });
    const found = await source.query(
      `SELECT rolname AS role, rolcanlogin AS login, rolconnlimit AS connections, rolconfig AS settings,
         ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid) AS groups
       FROM pg_roles r WHERE rolname LIKE 'spec_${source.id}_%' ORDER BY 1`,
    );
    const plain = { login: false, connections: -1, settings: null, groups: [] };
    expect(found).toEqual([
      { ...plain, role: app, login: true, settings: [`app.tenant=it's \\; \n north`], groups: [group] },
      { ...plain, role: foreign, connections: 3 },
      { ...plain, role: group, groups: [outer] },
      { ...plain, role: outer },
    ]);
  });
});
