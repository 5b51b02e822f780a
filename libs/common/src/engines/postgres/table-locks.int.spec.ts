import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ScratchDatabase } from '#common/testing/scratch-database.js';
import { withPgSession } from './pg-session.js';
import { findTableLocks, toLockContext, toLockText } from './table-locks.js';

const { signal } = new AbortController();
const COUNT = 60;
const tables = Array.from({ length: COUNT }, (_, number) => `public.t${number}`);

describe('the locks of one session on many tables', () => {
  let scratch: ScratchDatabase;
  beforeAll(async () => {
    scratch = await ScratchDatabase.create('postgres18', tables.map((name) => `CREATE TABLE ${name} ()`).join(';'));
  });
  afterAll(() => scratch?.drop());

  it('are counted all, and not only those that the error keeps', async () => {
    const { connection } = scratch;
    await withPgSession(connection, { signal, applicationName: 'holder' }, async (holder) => {
      await holder.query(`BEGIN`);
      await holder.query(`LOCK ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`);
      const question = { relations: tables, exclusiveOnly: true, except: [] };
      const locks = await withPgSession(connection, { signal, applicationName: 'spec' }, (session) =>
        findTableLocks(session, question),
      );
      expect(toLockText(locks)).toMatch(/holds public\.t0, public\.t1, public\.t10 and 57 more$/);
      const context = toLockContext(locks);
      expect(context).toMatchObject({ locks: COUNT, holders: expect.any(Array) });
      expect(context['holders']).toHaveLength(50);
    });
  });
});
