import { toSize } from '#tools/sandbox/reporter.js';
import type { CloudEvent } from './cloud-event.js';

type Say = (data: Readonly<Record<string, unknown>>) => string;

const size = (value: unknown): string => toSize(Number(value));
const progressed: Say = ({ stage, bytes, totalBytes }) =>
  `${stage}: ${size(bytes)}${totalBytes === null ? '' : ` of ${size(totalBytes)}`}`;
const failed: Say = ({ error }) => String((error as { message?: string } | undefined)?.message);
const counts = (value: unknown): string =>
  Object.entries(value as Record<string, number>)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
/** Of a bucket, content is shared between backups and no part of the size of one. */
const stored: Say = ({ kind, sizeBytes }) => (kind === 'bucket' ? '' : `${size(sizeBytes)} stored of a source of `);
const started: Say = ({ attempt, runId }) => `attempt ${attempt} of run ${runId}`;

/** What is worth telling of each event. */
const texts: Readonly<Record<string, Say>> = {
  'backup.completed': (d) =>
    `${stored(d)}${size(d['sourceSizeBytes'])}: ${counts(d['counts'])}` +
    (d['busPosition'] === 'none' ? '' : `, position on the bus ${d['busPosition']}`),
  'restore.completed': (d) => `destination ${d['destination']} of target ${d['target']}, strategy ${d['strategy']}`,
  'verification.completed': (d) => `verdict ${d['verdict']}, ${(d['probes'] as unknown[]).length} probes`,
  'replay.completed': (d) =>
    `every offset accounted for; ${d['isComplete'] ? 'no event is gone' : 'SOME EVENTS ARE GONE'}`,
};

export function toEventText({ type, data }: CloudEvent): string {
  const [, kind = ''] = type.split('.');
  const say = texts[type] ?? { progressed, started, failed, rejected: failed }[kind];
  return `← ${type.padEnd(22)} ${say?.(data) ?? ''}`;
}
