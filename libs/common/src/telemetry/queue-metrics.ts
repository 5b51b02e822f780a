import { Gauge, type Registry } from 'prom-client';

/** How long the queue is, and what it waits for. */
export const queueMetrics = (registers: Registry[]) => ({
  runsOpen: new Gauge({
    name: 'holdfast_runs_open',
    help: 'Runs that wait or work, in the whole installation',
    labelNames: ['kind', 'state'] as const,
    registers,
  }),
  runsOldestAgeSeconds: new Gauge({
    name: 'holdfast_runs_oldest_age_seconds',
    help: 'Age of the longest open run, in the whole installation',
    labelNames: ['kind', 'state'] as const,
    registers,
  }),
  runsRetrying: new Gauge({
    name: 'holdfast_runs_retrying',
    help: 'Queued runs that wait for their next attempt, in the whole installation',
    labelNames: ['kind'] as const,
    registers,
  }),
  workerSlots: new Gauge({
    name: 'holdfast_worker_slots',
    help: 'Runs that this process can hold at once, by whether it holds one',
    labelNames: ['state'] as const,
    registers,
  }),
  sourceHostSlots: new Gauge({
    name: 'holdfast_source_host_slots',
    help: 'Runs that may read from one host at once, in the whole installation; only hosts with open runs',
    labelNames: ['host', 'state'] as const,
    registers,
  }),
});
