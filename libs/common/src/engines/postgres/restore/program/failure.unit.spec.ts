import { describe, expect, it } from '@jest/globals';
import { Complaints } from './errors.js';
import { toRestoreFailure } from './failure.js';

const COUNT = 120;
const entries = Array.from({ length: COUNT }, (_, index) => index + 1);
const list = entries.map((entry) => `${entry}; 0 ${entry} TABLE DATA public t${entry} owner`).join('\n');

describe('a restore that fails at more objects than are kept', () => {
  it('says how many there are', () => {
    const complaints = new Complaints();
    for (const entry of entries) {
      complaints.read(`pg_restore: from TOC entry ${entry}; 0 ${entry} TABLE DATA t${entry} owner`);
      complaints.read(`pg_restore: error: COPY failed for table "t${entry}": ERROR:  no`);
    }
    const { fatal, unkept } = complaints;
    const { message, context } = toRestoreFailure(fatal, { list, unkept, isParallel: false });
    expect(message).toMatch(/^table public\.t1: no; .*table public\.t5: no and 115 more; /);
    expect(context).toMatchObject({ errors: { length: 50 }, errorCount: COUNT });
  });
});
