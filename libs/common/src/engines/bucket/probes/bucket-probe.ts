import type { z } from 'zod';
import type { BucketDataset, BucketTarget } from '#common/engines/bucket/bucket-dataset.js';
import type { BucketFacts } from '#common/engines/bucket/facts.js';
import { defineProbe, type Probe, type ProbeDefinition } from '#common/probes/define-probe.js';
import type { ProbeContext } from '#common/probes/probe-context.js';

export type BucketProbeContext = ProbeContext<BucketDataset, BucketTarget, BucketFacts>;

/** A probe that is asked of restored buckets only. */
export const defineBucketProbe = <Params extends z.ZodObject>(
  definition: ProbeDefinition<Params, BucketProbeContext>,
): Probe => defineProbe<Params, BucketProbeContext>(definition);
