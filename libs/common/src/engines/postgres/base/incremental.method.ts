import type { BaseFacts } from '#common/contracts/base-facts.js';
import type { BackupMethod, OpenOptions } from '#common/engines/engine.js';
import type { PostgresDataset } from '#common/engines/postgres/postgres-dataset.js';
import { AppError } from '#common/errors/app-error.js';
import { toBaseByHand } from './base-by-hand.js';
import { DEFAULT_BASE } from './base-command.js';
import type { BaseOutput } from './base-output.js';
import { FIRST_WITH_INCREMENTS, findLineage } from './lineage.js';
import { openBase } from './open-base.js';

/** What changed in a cluster since an earlier physical backup of it: PostgreSQL 17 and newer. */
export class IncrementalMethod implements BackupMethod<PostgresDataset, BaseFacts> {
  readonly name = 'incremental';
  readonly byHand = toBaseByHand;

  /** Throws: postgres.no-parent where there is nothing to build on; what `base` throws. */
  open(dataset: PostgresDataset, o: OpenOptions): Promise<BaseOutput> {
    const { findEarlier } = o;
    const options = (dataset.base ?? DEFAULT_BASE).incremental;
    return openBase(dataset, o, (source) => {
      if (source.serverVersionNum < FIRST_WITH_INCREMENTS)
        throw new AppError(
          'request.refused',
          `incremental backups need PostgreSQL 17 or newer, and the server of dataset "${dataset.name}" is ${source.serverVersion}`,
          {},
          { hint: `Take full ones: \`holdfast backup run ${dataset.name} --method base\`.` },
        );
      if (findEarlier === undefined) throw new AppError('internal.bug', 'an incremental backup knows no earlier ones');
      return (systemId) => findLineage({ dataset: dataset.name, systemId, source, options, findEarlier });
    });
  }
}
