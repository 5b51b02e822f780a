import { describe, expect, it } from '@jest/globals';
import { createMetrics } from './metrics.js';

describe('metrics', () => {
  it('prints what was set, with the service as a label', async () => {
    const metrics = createMetrics({ service: 'executor' });
    metrics.runsOpen.set({ kind: 'backup', state: 'queued' }, 3);
    metrics.claimsLost.inc({ kind: 'backup' });
    const text = await metrics.registry.metrics();
    expect(text).toContain('holdfast_runs_open{kind="backup",state="queued",service="executor"} 3');
    expect(text).toContain('holdfast_claims_lost_total{kind="backup",service="executor"} 1');
    expect(text).toContain('process_resident_memory_bytes');
  });

  it('keeps two instances apart', async () => {
    const [left, right] = [createMetrics({ service: 'a' }), createMetrics({ service: 'b' })];
    left.outboxUnpublished.set(7);
    expect(await right.registry.metrics()).toContain('holdfast_outbox_unpublished{service="b"} 0');
  });
});
