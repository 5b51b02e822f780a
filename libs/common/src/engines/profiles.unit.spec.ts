import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { Probes, parseProfile, readProfile, toProfileSchema } from './profiles.js';

const problemsOf = (probes: unknown): string[] =>
  readProfile({ probes }).problems.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`);

describe('parseProfile', () => {
  it('prepares each probe in order, with its own time limit or the default', () => {
    const prepared = parseProfile({ probes: [{ use: 'row-counts', timeoutMs: 5_000 }, { use: 'checksums' }] });
    expect(prepared.map(({ name, timeoutMs }) => [name, timeoutMs])).toEqual([
      ['row-counts', 5_000],
      ['checksums', 6 * 3_600_000],
    ]);
  });

  it('names every wrong path at once', () => {
    const problems = problemsOf([
      { use: 'rowcounts' },
      { use: 'sql', assertions: [{ query: 'SELECT 1' }] },
      { use: 'row-counts', table: ['public.*'] },
      { use: 'checksums', timeoutMs: 5_000 },
    ]);
    expect(problems).toEqual([
      expect.stringMatching(
        /^probes\.0\.use: there is no probe "rowcounts"; there is: checksums, http, archive-list, /,
      ),
      'probes.1.assertions.0: expects nothing: give equals, rows, min or max',
      expect.stringMatching(/^probes\.2: Unrecognized key: "table"/),
    ]);
  });

  it('refuses a capture that no earlier request makes', () => {
    const requests = [{ name: 'browse', path: '/products', headers: { authorization: 'Bearer ${token}' } }];
    expect(problemsOf([{ use: 'http', baseUrl: 'http://shop', requests }])).toEqual([
      'probes.0.requests.0: ${token} is captured by no earlier request',
    ]);
  });

  it('refuses credentials in a URL', () => {
    const requests = [{ name: 'health', path: '/' }];
    expect(problemsOf([{ use: 'http', baseUrl: 'http://user:secret@shop', requests }])).toEqual([
      'probes.0.baseUrl: must hold no credentials; send an authorization header',
    ]);
  });

  it('throws config.invalid with all problems', () => {
    expect(() => parseProfile({ probes: [] })).toThrow(AppError);
    expect(() => parseProfile({ probes: [{ use: 'nothing' }] })).toThrow('probes.0.use: there is no probe "nothing"');
  });
});

describe('toProfileSchema', () => {
  it('describes every probe with its parameters', () => {
    const schema = JSON.stringify(z.toJSONSchema(toProfileSchema(), { io: 'input' }));
    for (const { name, summary } of Probes) {
      expect(schema).toContain(`"const":${JSON.stringify(name)}`);
      expect(schema).toContain(JSON.stringify(summary));
    }
  });

  it('accepts what parseProfile accepts', () => {
    const profile = { probes: [{ use: 'row-counts', tables: ['public.*'], timeoutMs: 5_000 }] };
    expect(toProfileSchema().safeParse(profile).success).toBe(true);
    expect(toProfileSchema().safeParse({ probes: [{ use: 'row-counts', table: 1 }] }).success).toBe(false);
  });
});
