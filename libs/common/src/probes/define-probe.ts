import type { z } from 'zod';
import type { ProbeOutcome } from '#common/domain/verdict.js';
import type { ProbeFinding } from './evidence.js';
import type { ProbeContext } from './probe-context.js';
import { runProbe } from './run-probe.js';

export interface ProbeDefinition<Params extends z.ZodObject, C extends ProbeContext> {
  readonly name: string;
  /** One line for the reference. */
  readonly summary: string;
  /** Unless the profile says otherwise. */
  readonly timeoutMs: number;
  readonly params: Params;
  /** A mismatch is a verdict; only what could not be looked at throws. Ends early when `context.signal` aborts. */
  check(context: C, params: z.output<Params>): Promise<ProbeFinding>;
}

/** A probe with its parameters: what a profile is made of. */
export interface PreparedProbe {
  readonly name: string;
  readonly timeoutMs: number;
  /** Throws: probe.timeout, probe.failed, probe.blocked, probe.unreachable, probe.impossible; or the reason of `context.signal` when that aborts. */
  run(context: ProbeContext): Promise<ProbeOutcome>;
}

export type Preparation =
  | { readonly probe: PreparedProbe }
  | { readonly problems: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] };

export interface Probe {
  readonly name: string;
  readonly summary: string;
  readonly timeoutMs: number;
  readonly params: z.ZodObject;
  prepare(params: unknown, timeoutMs?: number): Preparation;
}

/** Ties a probe's parameters to their schema. */
export function defineProbe<Params extends z.ZodObject, C extends ProbeContext = ProbeContext>(
  definition: ProbeDefinition<Params, C>,
): Probe {
  const { name, summary, params } = definition;
  return {
    name,
    summary,
    params,
    timeoutMs: definition.timeoutMs,
    prepare(raw, timeoutMs = definition.timeoutMs) {
      const parsed = params.safeParse(raw);
      if (!parsed.success) return { problems: parsed.error.issues };
      const check = (context: C) => definition.check(context, parsed.data);
      return { probe: { name, timeoutMs, run: (context: C) => runProbe({ name, timeoutMs, check }, context) } };
    },
  };
}
