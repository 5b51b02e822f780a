import { z } from 'zod';
import { AppError } from '#common/errors/app-error.js';
import { toPathText } from '#common/errors/issue-text.js';
import { checksumsProbe } from '#common/probes/checksums.probe.js';
import type { PreparedProbe, Probe } from '#common/probes/define-probe.js';
import { httpProbe } from '#common/probes/http/http.probe.js';
import { engines } from './engines.js';

/** A probe of one kind of dataset, or of none. */
export interface KnownProbe extends Probe {
  /** undefined: for backups of every kind. */
  readonly kind: string | undefined;
}

/** Every probe that a profile can use. */
export const Probes: readonly KnownProbe[] = [
  ...[checksumsProbe, httpProbe].map((probe) => ({ ...probe, kind: undefined })),
  ...engines.flatMap(({ kind, probes }) => probes.map((probe) => ({ ...probe, kind }))),
];

/** With its parameters, and the kind that it can be asked of. */
export type ProfileProbe = PreparedProbe & Pick<KnownProbe, 'kind'>;

/** `timeoutMs` may stand beside the parameters of any probe. */
const TimeoutMs = z.int().min(100).max(86_400_000).optional().describe('After this the probe could not run');

const UseEntry = z.looseObject({ use: z.string(), timeoutMs: TimeoutMs });
const RawProfile = z.strictObject({ probes: z.array(UseEntry).min(1) });

export interface ProfileProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** The probes of one profile, in order, or everything that is wrong with it; paths start at the profile. */
export function readProfile(raw: unknown): { probes: readonly ProfileProbe[]; problems: readonly ProfileProblem[] } {
  const parsed = RawProfile.safeParse(raw);
  if (!parsed.success) return { probes: [], problems: parsed.error.issues };
  const probes: ProfileProbe[] = [];
  const problems: ProfileProblem[] = [];
  for (const [index, { use, timeoutMs, ...params }] of parsed.data.probes.entries()) {
    const probe = Probes.find((known) => known.name === use);
    if (probe === undefined) {
      const names = Probes.map((known) => known.name).join(', ');
      problems.push({ path: ['probes', index, 'use'], message: `there is no probe "${use}"; there is: ${names}` });
      continue;
    }
    const prepared = probe.prepare(params, timeoutMs);
    if ('probe' in prepared) probes.push({ ...prepared.probe, kind: probe.kind });
    else problems.push(...prepared.problems.map((p) => ({ ...p, path: ['probes', index, ...p.path] })));
  }
  return { probes, problems };
}

/** `at` is where the profile stands in its document: `profiles.shop`. Throws: config.invalid naming every wrong path. */
export function parseProfile(raw: unknown, at?: string): readonly ProfileProbe[] {
  const { probes, problems } = readProfile(raw);
  if (problems.length === 0) return probes;
  const lines = problems.map(({ path, message }) => {
    const place = toPathText([...(at === undefined ? [] : [at]), ...path]);
    return `${place || 'the profile'}: ${message}`;
  });
  throw new AppError('config.invalid', lines.join('; '), { problems: lines });
}

/** A profile as a schema for editors: each probe with its own parameters. */
export function toProfileSchema(): z.ZodType {
  const entries = Probes.map(({ name, summary, params }) =>
    z.strictObject({ use: z.literal(name), timeoutMs: TimeoutMs, ...params.shape }).describe(summary),
  );
  const [first, ...rest] = entries;
  if (first === undefined) throw new AppError('internal.bug', 'there is no probe');
  return z.strictObject({ probes: z.array(z.discriminatedUnion('use', [first, ...rest])).min(1) });
}
