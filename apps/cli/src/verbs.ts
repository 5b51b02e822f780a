import { archivePrune } from './commands/archive-prune.js';
import { archiveShow } from './commands/archive-show.js';
import { archiveStop } from './commands/archive-stop.js';
import { backupAccept } from './commands/backup-accept.js';
import { backupCheck } from './commands/backup-check.js';
import { backupDelete } from './commands/backup-delete.js';
import { backupList } from './commands/backup-list.js';
import { backupRun } from './commands/backup-run.js';
import { backupShow } from './commands/backup-show.js';
import { check } from './commands/check.js';
import { drillList } from './commands/drill-list.js';
import { drillRun } from './commands/drill-run.js';
import { flushCache } from './commands/flush-cache.js';
import { holdList } from './commands/hold-list.js';
import { holdPlace } from './commands/hold-place.js';
import { holdRelease } from './commands/hold-release.js';
import { keptList } from './commands/kept-list.js';
import { keptRelease } from './commands/kept-release.js';
import { keptReturn } from './commands/kept-return.js';
import { keysCheck } from './commands/keys-check.js';
import { keysGenerate } from './commands/keys-generate.js';
import { mirrorRun } from './commands/mirror-run.js';
import { mirrorShow } from './commands/mirror-show.js';
import { recoverPlan } from './commands/recover-plan.js';
import { recoverRun } from './commands/recover-run.js';
import { recoveryCheck } from './commands/recovery/check.js';
import { recoveryList } from './commands/recovery/list.js';
import { recoveryPlan } from './commands/recovery/plan.js';
import { recoveryReport } from './commands/recovery/report.js';
import { recoveryResume } from './commands/recovery/resume.js';
import { recoveryRun } from './commands/recovery/run.js';
import { recoveryPointsList } from './commands/recovery-points/list.js';
import { recoveryPointsShow } from './commands/recovery-points/show.js';
import { recoveryPointsTake } from './commands/recovery-points/take.js';
import { replayPlan } from './commands/replay-plan.js';
import { replayRun } from './commands/replay-run.js';
import { restorePlan } from './commands/restore-plan.js';
import { restoreRun } from './commands/restore-run.js';
import { retentionApply } from './commands/retention-apply.js';
import { retentionPlan } from './commands/retention-plan.js';
import { runsCancel } from './commands/runs-cancel.js';
import { runsList } from './commands/runs-list.js';
import { runsShow } from './commands/runs-show.js';
import { schedulesList } from './commands/schedules-list.js';
import { schedulesPause } from './commands/schedules-pause.js';
import { schedulesResume } from './commands/schedules-resume.js';
import { searchRebuild } from './commands/search-rebuild.js';
import { undoPlan } from './commands/undo-plan.js';
import { undoRun } from './commands/undo-run.js';
import { verdictsCheck } from './commands/verdicts-check.js';
import { verifyRun } from './commands/verify-run.js';
import { walSearch } from './commands/wal-search.js';
import type { Verb } from './verb.js';

/** Every verb, in the order of `--help`. */
export const verbs: readonly Verb[] = [
  check,
  backupRun,
  backupList,
  backupShow,
  backupCheck,
  backupAccept,
  backupDelete,
  restorePlan,
  restoreRun,
  keptList,
  keptRelease,
  keptReturn,
  archiveShow,
  archivePrune,
  archiveStop,
  walSearch,
  mirrorShow,
  mirrorRun,
  undoPlan,
  undoRun,
  recoverPlan,
  recoverRun,
  recoveryList,
  recoveryCheck,
  recoveryPlan,
  recoveryRun,
  recoveryResume,
  recoveryReport,
  recoveryPointsTake,
  recoveryPointsList,
  recoveryPointsShow,
  verifyRun,
  verdictsCheck,
  drillRun,
  drillList,
  flushCache,
  searchRebuild,
  replayPlan,
  replayRun,
  retentionPlan,
  retentionApply,
  holdPlace,
  holdRelease,
  holdList,
  keysGenerate,
  keysCheck,
  schedulesList,
  schedulesPause,
  schedulesResume,
  runsList,
  runsShow,
  runsCancel,
];
