import { describe, expect, it } from '@jest/globals';
import { Complaints } from './errors.js';

/** What pg_restore 18 wrote, restoring into a server of version 15. */
const UNKNOWN_PARAMETER = [
  'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"',
  'Command was: SET transaction_timeout = 0;',
];
const SUMMARY = (count: number) => `pg_restore: warning: errors ignored on restore: ${count}`;
/** What it wrote where a DROP had been refused. */
const ALREADY_EXISTS = [
  'pg_restore: error: could not execute query: ERROR:  relation "a" already exists',
  'Command was: CREATE TABLE public.a (',
  '    id integer NOT NULL,',
  '    t text',
  ');',
  '',
];
const DUPLICATE_ROWS = [
  'pg_restore: error: COPY failed for table "a": ERROR:  duplicate key value violates unique constraint "a_pkey"',
  'DETAIL:  Key (id)=(1) already exists.',
  'CONTEXT:  COPY a, line 1',
];

function read(...lines: string[]): Complaints {
  const complaints = new Complaints();
  for (const line of lines) complaints.read(line);
  return complaints;
}

describe('complaints of pg_restore', () => {
  it('are harmless when an older server lacks a parameter that only tunes the session', () => {
    const complaints = read(...UNKNOWN_PARAMETER, SUMMARY(1));
    expect(complaints.areAllHarmless).toBe(true);
    expect(complaints.fatal).toEqual([]);
    expect(complaints.harmless).toEqual([expect.stringContaining('"transaction_timeout"')]);
  });

  it('are recognised by the command, in whatever language the server speaks', () => {
    const german = 'pg_restore: error: could not execute query: FEHLER:  unbekannter Konfigurationsparameter';
    expect(read(german, 'Command was: SET transaction_timeout = 0;', SUMMARY(1)).areAllHarmless).toBe(true);
  });

  it('are fatal when something exists already, beside a harmless one too', () => {
    const complaints = read(...UNKNOWN_PARAMETER, ...ALREADY_EXISTS, SUMMARY(2));
    expect(complaints.areAllHarmless).toBe(false);
    expect(complaints.fatal).toEqual([
      expect.objectContaining({ message: expect.stringContaining('"a" already exists') }),
    ]);
  });

  it('never quote rows', () => {
    const complaints = read(...DUPLICATE_ROWS, SUMMARY(1));
    expect(JSON.stringify(complaints.fatal)).not.toContain('(1)');
    expect(complaints.areAllHarmless).toBe(false);
  });

  it('are not all known when its own count says more, or when it never came to count', () => {
    expect(read(...UNKNOWN_PARAMETER, SUMMARY(2)).areAllHarmless).toBe(false);
    expect(read(...UNKNOWN_PARAMETER).areAllHarmless).toBe(false);
    expect(read(SUMMARY(0)).areAllHarmless).toBe(false);
  });

  it('are counted beyond what is kept', () => {
    const many = Array.from({ length: 500 }, () => ALREADY_EXISTS).flat();
    const complaints = read(...many, ...UNKNOWN_PARAMETER, SUMMARY(501));
    expect(complaints.fatal).toHaveLength(50);
    expect(complaints.areAllHarmless).toBe(false);
  });
});

describe('complaints of psql', () => {
  it('carry SQLSTATE, and name what depends on an object that is to be dropped', () => {
    const complaints = read(
      'psql:<stdin>:36: ERROR:  2BP01: cannot drop table public.orders because other objects depend on it',
      'DETAIL:  view public.peek depends on table public.orders',
      'HINT:  Use DROP ... CASCADE to drop the dependent objects too.',
      'LOCATION:  reportDependentObjects, dependency.c:1198',
    );
    expect(complaints.fatal).toEqual([
      {
        state: '2BP01',
        message:
          'cannot drop table public.orders because other objects depend on it; view public.peek depends on table public.orders',
      },
    ]);
  });

  it('never quote rows', () => {
    const complaints = read(
      'psql:<stdin>:52: ERROR:  23505: duplicate key value violates unique constraint "a_pkey"',
      'DETAIL:  Key (id)=(1) already exists.',
      'CONTEXT:  COPY a, line 1',
    );
    expect(complaints.fatal).toEqual([
      { state: '23505', message: 'duplicate key value violates unique constraint "a_pkey"' },
    ]);
  });

  it('are read where no server could be asked', () => {
    const complaints = read('psql: error: connection to server at "127.0.0.1", port 1 failed: Connection refused');
    expect(complaints.fatal[0]?.message).toContain('Connection refused');
  });

  it('are never harmless', () => {
    const complaints = read('psql:/tmp/p.sql:3: ERROR:  42704: x', 'Command was: SET transaction_timeout = 0;');
    expect(complaints.areAllHarmless).toBe(false);
  });
});
