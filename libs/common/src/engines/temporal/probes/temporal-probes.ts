import { amcheckProbe } from '#common/engines/postgres/probes/amcheck/amcheck.probe.js';
import { extensionsProbe } from '#common/engines/postgres/probes/extensions.probe.js';
import { fingerprintsProbe } from '#common/engines/postgres/probes/fingerprints.probe.js';
import { privilegesProbe } from '#common/engines/postgres/probes/privileges/privileges.probe.js';
import { rowCountsProbe } from '#common/engines/postgres/probes/row-counts.probe.js';
import { schemaProbe } from '#common/engines/postgres/probes/schema/schema.probe.js';
import type { Probe } from '#common/probes/define-probe.js';
import { ofBothStores } from './of-both-stores.js';
import { temporalProbe } from './temporal.probe.js';

/** What can be asked of a restored Temporal. */
export const temporalProbes: readonly Probe[] = [
  temporalProbe,
  ...[rowCountsProbe, fingerprintsProbe, schemaProbe, privilegesProbe, extensionsProbe, amcheckProbe].map(ofBothStores),
];
