import { describe, expect, it } from '@jest/globals';
import type { ObjectFacts } from '#common/contracts/snapshot-facts.js';
import { compareMemberships } from '#common/engines/postgres/probes/privileges/compare-memberships.js';
import { compareSettings } from '#common/engines/postgres/probes/privileges/compare-settings.js';
import { findUnguarded } from '#common/engines/postgres/probes/rls/compare-rls.js';
import {
  compareOwners,
  comparePrivileges,
  compareRights,
} from '#common/engines/postgres/probes/schema/compare-objects.js';
import { findStaleFields, toFieldDigest } from '#common/engines/postgres/probes/search/field-digest.js';
import { readJsonPath } from '#common/probes/http/json-path.js';
import { parseArchiveList } from './archive-entries.js';
import { compareRows } from './compare-rows.js';
import { compareSequences } from './compare-sequences.js';
import { matchesAny, splitQualifiedName } from './qualified-name.js';

describe('compareRows', () => {
  const table = (rows: number, rowsExact = true) => ({ name: 'shop.orders', rows, rowsExact });
  const compare = (before: ReturnType<typeof table>, after: ReturnType<typeof table>) =>
    compareRows([before], [after], 10).map(({ problem }) => problem);

  it('is exact about exact counts', () => {
    expect(compare(table(1_000), table(1_000))).toEqual([]);
    expect(compare(table(1_000), table(999))).toEqual(['1 row fewer than in the backup']);
  });

  it('allows an estimate its tolerance, and says when it is beyond', () => {
    expect(compare(table(1_000, false), table(1_080))).toEqual([]);
    expect(compare(table(1_000, false), table(500))).toEqual([
      '500 rows fewer than in the backup, beyond 10 % of an estimate',
    ]);
  });
});

describe('compareSettings', () => {
  const ofDatabase = (setting: string, database = 'shop') => ({ database, role: null, setting });
  const secret = `app.key_secret=sha256:${'a'.repeat(64)}`;

  it('follows the database to its new name and leaves settings of the server alone', () => {
    const everywhere = { database: null, role: 'app', setting: 'work_mem=1MB' };
    const found = compareSettings([ofDatabase('a=1=2'), everywhere], [ofDatabase('a=1=2', 'copy')], 'database');
    expect(found).toEqual({ problems: [], withheld: [] });
  });

  it('tells what is lost, new or another', () => {
    const before = [ofDatabase('a=1'), ofDatabase('b=1')];
    const { problems } = compareSettings(before, [ofDatabase('b=2'), ofDatabase('c=1')], 'database');
    expect(problems.map(({ subject, problem }) => `${subject} ${problem}`)).toEqual([
      'setting a of the database is missing',
      'setting b of the database differs from the backup',
      'setting c of the database is not in the backup',
    ]);
  });

  it('calls a secret withheld, not wrong', () => {
    expect(compareSettings([ofDatabase(secret)], [], 'database')).toEqual({
      problems: [],
      withheld: ['setting app.key_secret of the database'],
    });
    expect(compareSettings([ofDatabase(secret)], [ofDatabase(secret)], 'database').withheld).toEqual([]);
  });
});

describe('compareMemberships', () => {
  const member = (role: string, o: object = {}) => ({ member: 'app', role, admin: false, isWithheld: false, ...o });
  const roles = ['app', 'owner'];

  it('finds no problem in what a restore never grants', () => {
    const before = [member('pg_read_all_data', { isWithheld: true }), member('people')];
    expect(compareMemberships(before, [], { roles, exempt: new Set() })).toEqual([]);
  });

  it('tells a right to pass on that came from nowhere, save for those who restore', () => {
    const after = [member('owner', { admin: true }), member('pg_monitor')];
    const compare = (exempt: string[]) =>
      compareMemberships([member('owner')], after, { roles, exempt: new Set(exempt) }).map(({ subject }) => subject);
    expect(compare([])).toEqual(['role app as member of owner', 'role app as member of pg_monitor']);
    expect(compare(['app'])).toEqual([]);
  });
});

describe('compareSequences', () => {
  const sequence = (lastValue: string, o: object = {}) => ({ name: 's', lastValue, isCalled: true, ...o });
  const compare = (before: ReturnType<typeof sequence>, after: ReturnType<typeof sequence>) =>
    compareSequences([before], [after]).map(({ problem }) => problem);

  it('compares beyond 2^53', () => {
    expect(compare(sequence('9007199254740993'), sequence('9007199254740992'))).toEqual(['stands behind the backup']);
  });

  it('accepts any value between begin and end of a dump that ran beside users', () => {
    const moving = sequence('10', { lastValueAtEnd: '20' });
    expect(compare(moving, sequence('15'))).toEqual([]);
    expect(compare(moving, sequence('9'))).toEqual(['stands behind the backup']);
    expect(compare(moving, sequence('21'))).toEqual(['stands ahead of the backup']);
    expect(compare(sequence('-10', { lastValueAtEnd: '-20' }), sequence('-12'))).toEqual([]);
  });

  it('tells a sequence that was never called', () => {
    expect(compare(sequence('1'), sequence('1', { isCalled: false }))).toEqual(['gives another next value']);
  });
});

describe('comparing owners, privileges and rights', () => {
  const SAME = { before: 180_000, after: 180_000 };
  const view = (o: Partial<ObjectFacts> = {}): ObjectFacts => ({
    ...{ kind: 'view', identity: 'shop.v', owner: 'reader', privileges: ['app=SELECT/reader'], ...o },
  });

  it('wants the owner of the backup, or the one of the target', () => {
    expect(compareOwners([view()], [view()])).toEqual([]);
    expect(compareOwners([view()], [view({ owner: 'postgres' })])).toMatchObject([
      { subject: 'view shop.v', expected: 'reader', actual: 'postgres' },
    ]);
    expect(compareOwners([view()], [view({ owner: 'shop' })], 'shop')).toEqual([]);
    expect(compareOwners([view()], [view()], 'shop')).toHaveLength(1);
  });

  it('lists lost and gained privileges', () => {
    const [difference] = comparePrivileges([view()], [view({ privileges: ['public=SELECT/reader'] })], SAME);
    expect(difference?.problem).toBe('privileges differ: lost app=SELECT/reader; gained public=SELECT/reader');
  });

  it('calls what another version gives or lacks by itself no difference, and only that', () => {
    const all = (role: string, option = '') =>
      ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'].map(
        (p) => `${role}=${p}${option}/o`,
      );
    const compare = (before: string[], after: string[], versions = { before: 150_000, after: 180_000 }) =>
      comparePrivileges([view({ privileges: before })], [view({ privileges: after })], versions).map(
        ({ problem }) => problem,
      );
    expect(compare(all('o'), [...all('o'), 'o=MAINTAIN/o'])).toEqual([]);
    expect(compare(all('app', '*'), [...all('app', '*'), 'app=MAINTAIN*/o'])).toEqual([]);
    expect(compare([...all('o'), 'o=MAINTAIN/o'], all('o'), { before: 180_000, after: 150_000 })).toEqual([]);
    const gained = (right: string) => [`privileges differ: gained ${right}`];
    expect(compare(all('app').slice(1), [...all('app').slice(1), 'app=MAINTAIN/o'])).toEqual(gained('app=MAINTAIN/o'));
    expect(compare(all('app'), [...all('app'), 'app=MAINTAIN*/o'])).toEqual(gained('app=MAINTAIN*/o'));
    expect(compare(all('o'), [...all('o'), 'o=MAINTAIN/o'], SAME)).toEqual(gained('o=MAINTAIN/o'));
  });

  it('sees whose rights are used', () => {
    expect(compareRights([view({ securityInvoker: true })], [view({ securityInvoker: false })])).toHaveLength(1);
  });
});

describe('findUnguarded', () => {
  it('names a declared tenant table that was open before and still is', () => {
    const open = { name: 'shop.notes', rls: { enabled: false, forced: false, policies: [] } };
    expect(findUnguarded(['shop.notes'], [open], [open])).toEqual([
      { subject: 'shop.notes', problem: 'the tenant table has no row-level security, as it already was in the backup' },
    ]);
  });
});

describe('parseArchiveList', () => {
  const listing = [
    '; Archive created at 2026-11-21 10:00:00 UTC',
    ';     TOC Entries: 4',
    '220; 1259 16402 TABLE public orders shop owner',
    '221; 1259 16403 TABLE public Price List shop_owner',
    '3340; 0 16402 TABLE DATA public orders shop owner',
    '3341; 2606 16410 CONSTRAINT public orders orders_pkey shop owner',
  ].join('\n');

  it('finds tables by name, also with spaces in names and owners', () => {
    const entries = parseArchiveList(listing);
    const table = { kind: 'TABLE', schema: 'public' } as const;
    expect(entries.count).toBe(4);
    expect(entries.take({ ...table, name: 'orders', owner: 'shop owner' })).toBe(true);
    expect(entries.take({ ...table, name: 'Price List', owner: 'shop_owner' })).toBe(true);
    expect(entries.take({ ...table, kind: 'TABLE DATA', name: 'orders', owner: 'shop owner' })).toBe(true);
    expect(entries.take({ ...table, kind: 'TABLE DATA', name: 'Price List', owner: 'shop_owner' })).toBe(false);
    expect(entries.take({ ...table, name: 'Price', owner: 'shop_owner' })).toBe(false);
  });

  it('finds names with line breaks, and not one entry for two of them', () => {
    const entries = parseArchiveList(listing);
    const table = { kind: 'TABLE', schema: 'public', owner: 'shop_owner' } as const;
    expect(entries.take({ ...table, name: 'Price\nList' })).toBe(true);
    expect(entries.take({ ...table, name: 'Price\rList' })).toBe(false);
  });
});

describe('names', () => {
  it('unquotes qualified names', () => {
    expect(splitQualifiedName('shop.orders')).toEqual({ schema: 'shop', name: 'orders' });
    expect(splitQualifiedName('"My.Shop"."a ""b"""')).toEqual({ schema: 'My.Shop', name: 'a "b"' });
  });

  it('matches patterns against the unquoted name', () => {
    expect(matchesAny('shop."Price List"', ['shop.Price*'])).toBe(true);
    expect(matchesAny('shop.orders', ['shop.order', 'billing.*'])).toBe(false);
  });
});

describe('JSON paths and digests', () => {
  it('reads members and places, own ones only', () => {
    const document = { data: { products: [{ name: 'a' }] } };
    expect(readJsonPath(document, 'data.products[0].name')).toBe('a');
    expect(readJsonPath(document, 'data.products[1].name')).toBeUndefined();
    expect(readJsonPath(document, 'data.constructor')).toBeUndefined();
  });

  it('digests fields whatever their order, absent ones like null', () => {
    const fields = ['a', 'b', 'c'];
    expect(toFieldDigest({ a: 1, b: { x: 1, y: 2 } }, fields)).toBe(
      toFieldDigest({ c: null, b: { y: 2, x: 1 }, a: 1 }, fields),
    );
    expect(toFieldDigest({ a: 1 }, fields)).not.toBe(toFieldDigest({ a: '1' }, fields));
    expect(findStaleFields({ a: 1, b: 2 }, { a: 1, b: 3 }, fields)).toEqual(['b']);
  });
});
