import type { Probe } from '#common/probes/define-probe.js';
import { amcheckProbe } from './amcheck/amcheck.probe.js';
import { archiveListProbe } from './archive-list.probe.js';
import { extensionsProbe } from './extensions.probe.js';
import { fingerprintsProbe } from './fingerprints.probe.js';
import { privilegesProbe } from './privileges/privileges.probe.js';
import { rlsProbe } from './rls/rls.probe.js';
import { rowCountsProbe } from './row-counts.probe.js';
import { schemaProbe } from './schema/schema.probe.js';
import { searchProbe } from './search/search.probe.js';
import { sequencesProbe } from './sequences.probe.js';
import { sqlProbe } from './sql/sql.probe.js';

/** What can be asked of a restored database. */
export const postgresProbes: readonly Probe[] = [
  archiveListProbe,
  rowCountsProbe,
  fingerprintsProbe,
  schemaProbe,
  sequencesProbe,
  extensionsProbe,
  privilegesProbe,
  rlsProbe,
  amcheckProbe,
  sqlProbe,
  searchProbe,
];
