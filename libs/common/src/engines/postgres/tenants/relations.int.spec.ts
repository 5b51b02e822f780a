import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withPgSession } from '#common/engines/postgres/pg-session.js';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { listTenantRelations } from './relations.js';

const { signal } = new AbortController();
let scratch: ScratchDatabase;

beforeAll(async () => {
  scratch = await ScratchDatabase.create(
    'postgres18',
    'CREATE FUNCTION is_current(day date) RETURNS boolean LANGUAGE sql AS $$ SELECT day > current_date - 7 $$',
    'CREATE FUNCTION is_shown(day date) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN public.is_current (day); END $$',
    'CREATE FUNCTION is_parsed(day date) RETURNS boolean LANGUAGE sql RETURN is_current(day)',
    'CREATE FUNCTION is_old(day date) RETURNS boolean LANGUAGE sql AS $$ SELECT day < DATE $d$2020-01-01$d$ $$',
    'CREATE FUNCTION is_near(a date, b date) RETURNS boolean LANGUAGE sql AS $$ SELECT abs(a - b) < date_part($d$day$d$, NOW()) $$',
    'CREATE OPERATOR <~> (LEFTARG = date, RIGHTARG = date, FUNCTION = is_near)',
    ...['plain', 'policied', 'quiet', 'written'].flatMap((table) => [
      `CREATE TABLE ${table} (tenant text, day date)`,
      `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    ]),
    'CREATE POLICY own ON policied USING (is_shown(day))',
    'CREATE POLICY own ON quiet USING (is_old(day))',
    'CREATE POLICY own ON written FOR INSERT WITH CHECK (day = current_date)',
    'CREATE VIEW itself AS SELECT * FROM plain WHERE day > now()',
    'CREATE VIEW parsed AS SELECT * FROM plain WHERE is_parsed(day)',
    'CREATE VIEW operated AS SELECT * FROM plain WHERE day <~> DATE $$2026-01-01$$',
    'CREATE VIEW "on a view" AS SELECT * FROM parsed',
    'CREATE VIEW on_a_policy AS SELECT * FROM policied',
    'CREATE MATERIALIZED VIEW stored AS SELECT * FROM parsed',
    'CREATE VIEW steady AS SELECT * FROM quiet WHERE is_old(day)',
  );
});
afterAll(() => scratch?.drop());

describe('tables and views of tenants', () => {
  it('are known to ask for the time also by way of policies, views, operators and functions', async () => {
    const application = {
      role: 'r',
      tenantSetting: 'app.tenant',
      tables: ['*'],
      views: ['*'],
      functions: [],
      samples: 1,
    };
    const found = await withPgSession(scratch.connection, { signal, applicationName: 'spec' }, (session) =>
      listTenantRelations(session, application, { column: 'tenant', guarded: new Set() }),
    );
    const [asking, steady] = [true, false].map((is) =>
      found.filter(({ readsClock }) => readsClock === is).map(({ label }) => label.replace('public.', '')),
    );
    expect(asking).toEqual([
      ...['view "on a view"', 'view itself', 'view on_a_policy', 'view operated', 'view parsed'],
      ...['table policied', 'view stored'],
    ]);
    expect(steady).toEqual(['table plain', 'table quiet', 'view steady', 'table written']);
  });
});
