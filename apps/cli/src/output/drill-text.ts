import type { DrillCoverageView, DrillResultView } from '#common/contracts/api-views.js';
import { describeTarget, readGoal } from '#common/contracts/recovery-target.js';
import { Exit } from '#common/errors/exit.js';
import type { VerbResult } from '../verb-result.js';
import { toFields, toTable } from './table.js';
import { toVerdictResult } from './verdict-text.js';

/** What a drill showed. Only one that passed exits 0: a good restore that took too long is none. */
export function toDrillResult(result: DrillResultView): VerbResult {
  const { backupId, method, restoreMs, verifyMs, rtoMs, rpoMs, objectives, isPassed, scratchRemoved, destination } =
    result;
  const goal = readGoal(result.recovery ?? undefined);
  const fields = {
    backup: `${backupId}, method ${method}${goal === undefined ? '' : `, recovered ${describeTarget(goal)}`}`,
    restore: toDuration(restoreMs),
    proof: toDuration(verifyMs),
    RTO: `${toDuration(rtoMs)}${toObjectiveText(objectives.rto)}`,
    RPO: `${toDuration(rpoMs)}${toObjectiveText(objectives.rpo)}`,
    scratch: scratchRemoved ? 'removed' : `"${destination}" is still there; a sweep goes on trying to remove it`,
    drill: isPassed ? 'passed' : 'failed',
  };
  return {
    document: result,
    text: [toVerdictResult(result).text, '', toFields(fields)].join('\n'),
    exit: isPassed ? Exit.done : Exit.failed,
  };
}

const toObjectiveText = (objective: { readonly ms: number; readonly isMet: boolean } | null): string =>
  objective === null
    ? ', no objective'
    : `, objective ${toDuration(objective.ms)} ${objective.isMet ? 'met' : 'missed'}`;

export const toCoverageTable = (drills: readonly DrillCoverageView[]): string =>
  toTable(
    ['dataset', 'method', 'drills', 'last', 'result', 'RTO', 'RPO'],
    drills.map(({ dataset, method, drills: names, last }) => [
      ...[dataset, method, names.join(', ') || 'none'],
      ...(last === null
        ? ['never', '', '', '']
        : [
            last.completedAt,
            last.isPassed ? 'passed' : `failed, verdict ${last.verdict}`,
            toDuration(last.rtoMs) + (last.objectives.rto?.isMet === false ? ' missed' : ''),
            toDuration(last.rpoMs) + (last.objectives.rpo?.isMet === false ? ' missed' : ''),
          ]),
    ]),
  );

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** `1 h 20 min`, `12.3 s`: two units at most. */
export function toDuration(ms: number): string {
  const index = UNITS.findIndex(([, size]) => ms >= size);
  const unit = UNITS[index];
  if (unit === undefined) return `${(ms / 1_000).toFixed(1)} s`;
  const [name, size] = unit;
  const [whole, rest] = [Math.floor(ms / size), ms % size];
  const [next, nextSize] = UNITS[index + 1] ?? (['s', 1_000] as const);
  const part = Math.floor(rest / nextSize);
  return part === 0 ? `${whole} ${name}` : `${whole} ${name} ${part} ${next}`;
}
