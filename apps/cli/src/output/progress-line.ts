import type { ProgressView } from '#common/contracts/api-views.js';
import { toSize } from './sizes.js';

const WIDTH = 24;

/** `dump ▓▓▓▓░░░░ 12.0 MiB of 48.0 MiB · 3.2 s`; without a total no bar is drawn, because its whole length is unknown. */
export function toProgressLine(label: string, progress: ProgressView | null, elapsedMs: number): string {
  const time = `${(elapsedMs / 1000).toFixed(1)} s`;
  if (progress === null) return `${label} · ${time}`;
  const { stage, bytes, totalBytes } = progress;
  if (totalBytes === null || totalBytes === 0) return `${label} ${stage} ${toSize(bytes)} · ${time}`;
  const filled = Math.min(WIDTH, Math.floor((bytes / totalBytes) * WIDTH));
  return `${label} ${stage} ${'▓'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${toSize(bytes)} of ${toSize(totalBytes)} · ${time}`;
}
