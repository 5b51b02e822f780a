import type { RunView } from '#common/contracts/api-views.js';
import { Exit } from '#common/errors/exit.js';
import type { VerbResult } from '../verb-result.js';
import { toDetails } from './details.js';
import { type RestoreNotes, toRestoreNotes, toWarningLines } from './restore-notes.js';
import { toSize } from './sizes.js';
import { toFields } from './table.js';

/** One run, whole. A failed one is shown with exit 0 here: a command that follows a run throws its problem. */
export function runView(run: RunView): VerbResult {
  return { document: run, text: toRunText(run), exit: Exit.done };
}

export function toRunText(run: RunView): string {
  const fields: Record<string, string> = {
    run: run.id,
    kind: `${run.kind} of ${run.dataset}`,
    state: `${run.state}, attempt ${run.attempt} of ${run.maxAttempts}`,
    created: run.createdAt,
  };
  if (run.startedAt !== null) fields['started'] = run.startedAt;
  if (run.finishedAt !== null) fields['finished'] = run.finishedAt;
  if (run.progress !== null) fields['progress'] = `${run.progress.stage} ${toSize(run.progress.bytes)}`;
  if (run.error !== null) {
    fields['error'] = `${run.error.code}: ${run.error.message}`;
    fields['hint'] = run.error.hint;
  }
  if (run.retry !== null) fields['tried again'] = toRetryText(run.retry);
  for (const [name, value] of Object.entries(run.result ?? {})) {
    if (value === null || typeof value === 'object') continue;
    fields[name] = name.endsWith('Bytes') ? toSize(Number(value)) : String(value);
  }
  const details = run.error === null ? [] : toDetails(run.error);
  return [toFields(fields), ...details, ...toNotes(run)].join('\n');
}

function toNotes({ kind, result }: RunView): string[] {
  if (kind === 'restore') return toRestoreNotes((result ?? {}) as RestoreNotes);
  const { warnings = [] } = (result ?? {}) as { readonly warnings?: readonly string[] };
  return toWarningLines(warnings);
}

const toRetryText = ({ at, waitingSince }: NonNullable<RunView['retry']>): string =>
  waitingSince === null ? `at ${at}` : `at ${at}; it has waited for this since ${waitingSince}`;
