import type { PointDocument } from '#common/contracts/point-document.js';
import { storePoint } from '#common/operations/points/stored-points.js';
import { isSnapshotTaken, takeMembers } from '#common/operations/points/take-members.js';
import { measureTaken, membersOf, repositoriesOf } from '#common/service/points/point-members.js';
import { holdfastVersion } from '#common/service/version.js';
import type { VerbContext } from '../verb.js';
import { newLocalId } from './local-identity.js';
import { takeLocally } from './take-locally.js';

/** Takes a recovery point in this process, with neither bus nor catalog. Throws: as a backup of each member. */
export async function pointLocally(point: string, context: VerbContext): Promise<PointDocument> {
  const { installation, signal } = context;
  const startedAt = new Date().toISOString();
  const taken = await takeMembers(membersOf(installation, point), async ({ dataset, method }, onSnapshot) => {
    const onStage = (stage: string): void => {
      if (isSnapshotTaken(stage)) onSnapshot();
    };
    return (await takeLocally({ name: dataset, method, onStage }, context)).manifest;
  });
  const measured = measureTaken(installation, point, taken);
  const document: PointDocument = {
    ...{ formatVersion: 1, pointId: newLocalId(), ...measured, startedAt },
    ...{ completedAt: new Date().toISOString(), holdfastVersion },
  };
  await storePoint(document, repositoriesOf(installation, point), signal);
  return document;
}
