import { describe, expect, it } from '@jest/globals';
import type { SnapshotFacts } from '#common/contracts/snapshot-facts.js';
import { toConnInfo } from '#common/pg/environment.js';
import { type Sql, sql } from '#common/pg/sql.js';
import { toRoleStatements, toWithheldRights } from '../roles/globals.js';
import { dropStatements } from './drops.js';
import { toPrivilegeStatements } from './privileges.js';
import { roleSettingStatements, settingStatements, withheldSettings } from './settings.js';
import { splitRestoreList, toRestoreList } from './toc.js';

const LISTING = `; Archive created at 2026-11-21
7; 2615 31575 SCHEMA - ext postgres
10; 2615 31579 SCHEMA - ext postgres postgres
11; 2615 31580 SCHEMA - of SCHEMA - ext postgres postgres
12; 2615 31581 SCHEMA - line  break the owner
8; 2615 31577 SCHEMA - "Odd; name postgres
9; 2615 31578 SCHEMA - extra postgres
2; 3079 31576 EXTENSION - pg_trgm\u0020
2631; 0 0 COMMENT - EXTENSION pg_trgm\u0020
2595; 0 0 ACL - SCHEMA ext postgres
222; 1259 31658 TABLE public SCHEMA - ext postgres
2700; 6100 1 SUBSCRIPTION - upstream postgres
3000; 3466 131990 EVENT TRIGGER - EVENT TRIGGER postgres
3001; 0 0 COMMENT - EVENT TRIGGER no_drops postgres
2432; 2606 131937 FK CONSTRAINT public b b_a_fkey postgres
2583; 0 131923 ROW SECURITY public a postgres
2588; 0 131946 MATERIALIZED VIEW DATA public m postgres`;

const textsOf = (statements: readonly Sql[]): string[] => statements.map(({ text }) => text);

describe('the list of what is restored', () => {
  it('leaves out extensions, subscriptions and the schemas that are there, and nothing that only looks like them', () => {
    const list = toRestoreList(LISTING, [
      { name: 'ext', owner: 'postgres' },
      { name: 'line\r\nbreak', owner: 'the\nowner' },
    ]).split('\n');
    const left = LISTING.split('\n').filter((line) => !list.includes(line));
    expect(left.map((line) => line.split(' ').slice(3).join(' '))).toEqual([
      'SCHEMA - ext postgres',
      'SCHEMA - line  break the owner',
      'EXTENSION - pg_trgm ',
      'COMMENT - EXTENSION pg_trgm ',
      'SUBSCRIPTION - upstream postgres',
    ]);
  });

  it('is split so that row-level security comes after foreign keys, and event triggers after everything', () => {
    const { early, late } = splitRestoreList(toRestoreList(LISTING, []));
    expect(early).toContain('FK CONSTRAINT');
    expect(late.split('\n').map((line) => /\d+ ([A-Z ]+) (?:public|-)/.exec(line)?.[1])).toEqual([
      'ROW SECURITY',
      'MATERIALIZED VIEW DATA',
      'EVENT TRIGGER',
      'COMMENT',
    ]);
    expect(early).not.toContain('ROW SECURITY');
  });
});

describe('settings', () => {
  const setting = (text: string, role: string | null = null, database: string | null = 'shop') => ({
    database,
    role,
    setting: text,
  });
  const facts = {
    settings: [
      setting('search_path="$user", public, "od""d"'),
      setting(`app.motto=it's = fine\\`),
      setting('temp_tablespaces='),
      setting('work_mem=5MB', 'app'),
      setting(`app.api_key=sha256:${'0'.repeat(64)}`, 'app'),
      setting('statement_timeout=5s', 'app', null),
      setting('statement_timeout=9s', 'other', null),
    ],
  } as SnapshotFacts;

  it('come back quoted, those of roles only where privileges do, and never the digest of a secret', () => {
    expect(textsOf(settingStatements(facts, 'new "shop"', 'keep'))).toEqual([
      `ALTER DATABASE "new ""shop""" SET "search_path" TO '$user', 'public', 'od"d'`,
      `ALTER DATABASE "new ""shop""" SET "app"."motto" TO E'it''s = fine\\\\'`,
      `ALTER DATABASE "new ""shop""" SET "temp_tablespaces" TO ''`,
      `ALTER ROLE "app" IN DATABASE "new ""shop""" SET "work_mem" TO '5MB'`,
    ]);
    expect(settingStatements(facts, 'shop', 'drop')).toHaveLength(3);
    expect(withheldSettings(facts)).toEqual(['app.api_key of role app']);
  });

  it('of roles come with the roles that are created', () => {
    expect(textsOf(roleSettingStatements(facts, ['app']))).toEqual([
      `ALTER ROLE "app" SET "statement_timeout" TO '5s'`,
    ]);
  });
});

describe('privileges', () => {
  it('become those that are wanted: everything else is taken back, and passed-on grants come from whom they came', () => {
    const statements = toPrivilegeStatements({
      on: sql`DATABASE "shop"`,
      owner: 'owner',
      present: ['late=CONNECT/owner'],
      wanted: ['second=CONNECT/first', 'first=CONNECT*/owner', 'public=TEMPORARY/owner'],
    });
    expect(textsOf(statements)).toEqual([
      'REVOKE ALL ON DATABASE "shop" FROM PUBLIC CASCADE',
      'REVOKE ALL ON DATABASE "shop" FROM "owner" CASCADE',
      'REVOKE ALL ON DATABASE "shop" FROM "late" CASCADE',
      'GRANT CONNECT ON DATABASE "shop" TO "first" WITH GRANT OPTION',
      'GRANT TEMPORARY ON DATABASE "shop" TO PUBLIC',
      'SET ROLE "first"',
      'GRANT CONNECT ON DATABASE "shop" TO "second"',
      'RESET ROLE',
    ]);
  });
});

describe('roles of the globals', () => {
  const globals = `
CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION BYPASSRLS CONNECTION LIMIT 7 VALID UNTIL '2031-02-03 04:05:06+00';
COMMENT ON ROLE app IS 'it''s
GRANT owner TO app;
ALTER ROLE app WITH NOINHERIT;
';
CREATE ROLE "odd ""name""";
ALTER ROLE "odd ""name""" WITH NOSUPERUSER NOINHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
GRANT app TO "odd ""name""" WITH INHERIT TRUE GRANTED BY postgres;
GRANT reader TO "odd ""name""" WITH ADMIN OPTION, INHERIT FALSE, SET FALSE GRANTED BY postgres;
GRANT pg_read_all_data TO app GRANTED BY postgres;
GRANT SET ON PARAMETER log_statement TO app;
`;
  const none = { connectionLimit: undefined, validUntil: undefined, comment: undefined };
  const app = {
    ...{ name: 'app', inherits: true, connectionLimit: 7, validUntil: '2031-02-03 04:05:06+00', memberOf: [] },
    comment: "it's\nGRANT owner TO app;\nALTER ROLE app WITH NOINHERIT;\n",
    withheld: ['LOGIN', 'BYPASSRLS', 'member of pg_read_all_data', 'SET on parameter log_statement'],
  };
  const inApp = { group: 'app', inherits: true, sets: true };
  const inReader = { group: 'reader', inherits: false, sets: false };

  it('come back without what an operator has to grant, with a list of it', () => {
    const roles = toRoleStatements(globals, ['app', 'odd "name"', 'unknown'], 18);
    const odd = { ...none, name: 'odd "name"', inherits: false, withheld: ['ADMIN OPTION for reader'] };
    expect(roles).toMatchObject([
      app,
      { ...odd, memberOf: [inApp, inReader] },
      { ...none, name: 'unknown', inherits: true, memberOf: [], withheld: [] },
    ]);
    expect(toWithheldRights(roles)).toEqual([
      `app: ${app.withheld.join(', ')}`,
      `odd "name": ${odd.withheld.join(', ')}`,
    ]);
  });

  it('get no membership that an older server would make more of than it was', () => {
    const [odd] = toRoleStatements(globals, ['odd "name"'], 15);
    expect(odd).toMatchObject({
      memberOf: [inApp],
      withheld: ['member of reader with INHERIT FALSE, SET FALSE'],
    });
  });
});

describe('drops', () => {
  const object = (kind: string, identity: string) => ({ kind, identity, owner: 'o', privileges: [] }) as never;

  it('never cascade, take all tables at once, and leave alone what goes with its table', () => {
    const [loop = ''] = textsOf(
      dropStatements([
        object('table', 'public.a'),
        object('table', 'public.b'),
        object('index', 'public.a_pkey'),
        object('default-privileges', 'o on tables'),
        object('aggregate', 'public.n()'),
        object('view', `public."it's"`),
      ]),
    );
    expect(loop).toContain(`'DROP TABLE IF EXISTS public.a, public.b'`);
    expect(loop).toContain(`'DROP AGGREGATE IF EXISTS public.n(*)'`);
    expect(loop).toContain(`'DROP VIEW IF EXISTS public."it''s"'`);
    expect(loop).not.toMatch(/CASCADE|a_pkey|on tables/);
    expect(dropStatements([])).toEqual([]);
  });
});

it('a database name is never read as a connection string', () => {
  expect(toConnInfo(`host=evil it's\\`)).toBe(`dbname='host=evil it\\'s\\\\'`);
});
