import { expect, it } from '@jest/globals';
import { whyItGaveUp } from './scratch-server.js';

it('tells why a recovering server gave up, and not that it refused a session of ours while it ended', () => {
  const ended = '2026-03-01 12:00:00 UTC [7] FATAL:  recovery ended before configured recovery target was reached';
  const refused = ['in recovery mode', 'shutting down', 'starting up'].map(
    (what) => `2026-03-01 12:00:00 UTC [9] FATAL:  the database system is ${what}`,
  );
  expect(whyItGaveUp([ended, ...refused])).toBe('FATAL:  recovery ended before configured recovery target was reached');
  expect(whyItGaveUp(['LOG:  starting', 'could not open a file'])).toBe('could not open a file');
});
