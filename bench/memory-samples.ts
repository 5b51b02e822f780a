import { readFileSync } from 'node:fs';
import { toMegabytes } from './report.js';

const SAMPLE_MS = 50;

/** Idle, median, peak and growth of one process's resident memory while `work` goes on; its children do not count. */
export async function sampleMemory<T>(pid: number, work: () => Promise<T>): Promise<{ result: T; cells: string[] }> {
  const idleBytes = readMemory(pid, 'VmRSS');
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(readMemory(pid, 'VmRSS')), SAMPLE_MS);
  const result = await work().finally(() => clearInterval(timer));
  const peakBytes = readMemory(pid, 'VmHWM');
  const medianBytes = samples.sort((left, right) => left - right)[Math.floor(samples.length / 2)] ?? Number.NaN;
  return { result, cells: [idleBytes, medianBytes, peakBytes, peakBytes - idleBytes].map(toMegabytes) };
}

function readMemory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}
