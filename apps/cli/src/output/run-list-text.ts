import type { ListedRunView, QueueView, RunListView } from '#common/contracts/api-views.js';
import { toTable } from './table.js';

/** A table, how many more there are, and how the queue stands. */
export function toRunListText({ runs, total, queue }: RunListView): string {
  const header = ['run', 'kind', 'dataset', 'state', 'attempt', 'created', 'waits or failed'];
  return [toTable(header, runs.map(toRow)), '', toSummary(runs.length, total, queue)].join('\n');
}

const toRow = (run: ListedRunView): string[] => [
  run.id,
  run.kind,
  run.dataset,
  run.state,
  `${run.attempt}/${run.maxAttempts}`,
  run.createdAt,
  toNote(run),
];

function toNote({ place, error }: ListedRunView): string {
  const code = error?.code ?? '';
  if (place === null) return code;
  const { position, waitSeconds, retryAt } = place;
  return retryAt === null ? `#${position}, for ${toAge(waitSeconds)}` : `${code}, again at ${retryAt}`;
}

function toSummary(
  shown: number,
  total: number,
  { queued, running, retrying, oldestQueuedSeconds }: QueueView,
): string {
  const more = total - shown;
  const parts = [
    ...(more > 0 ? [`${more} more (--limit ${Math.min(total, 1_000)})`] : []),
    `${queued} queued${queued > 0 ? `, the oldest for ${toAge(oldestQueuedSeconds)}` : ''}`,
    `${running} running`,
    ...(retrying > 0 ? [`${retrying} to be tried again`] : []),
  ];
  return parts.join(' · ');
}

/** Two units are enough for a wait. */
export function toAge(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
