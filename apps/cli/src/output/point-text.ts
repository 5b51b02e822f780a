import type { PointDocument } from '#common/contracts/point-document.js';
import type { ChosenPoint } from '#common/operations/points/choose-point.js';
import type { ListedPoint } from '#common/service/points/stored-point.js';
import { toTable } from './table.js';

const toSeconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
const toOffset = (ms: number): string => (ms === 0 ? '0 s' : `${ms > 0 ? '+' : '−'}${toSeconds(Math.abs(ms))}`);

export const toPointTable = (points: readonly ListedPoint[]): string =>
  toTable(
    ['id', 'point', 'as of', 'skew', 'members', 'state'],
    points.map((each) => [
      ...[each.pointId, each.point, each.at, toSeconds(each.skewMs)],
      ...[each.members.map(({ dataset }) => dataset).join(', '), toStateText(each)],
    ]),
  );

const toStateText = ({ gone, problems }: ListedPoint): string => {
  if (gone.length > 0) return `gone: ${gone.join(', ')}`;
  return problems.length === 0 ? 'whole' : `does not agree: ${problems.join('; ')}`;
};

/** A point that was taken just now, with what does not fit. */
export const toTakenText = ({ pointId, point, at, skewMs, members, problems }: PointDocument): string =>
  [
    `recovery point ${pointId} of ${point}: as of ${at}, skew ${toSeconds(skewMs)}`,
    toTable(
      ['dataset', 'method', 'backup', 'snapshot', 'offset', 'bus'],
      members.map(({ dataset, method, backupId, snapshotAt, offsetMs, busPosition }) => [
        ...[dataset, method, backupId, snapshotAt, toOffset(offsetMs), busPosition],
      ]),
    ),
    ...problems.map((problem) => `does not agree: ${problem}`),
  ].join('\n');

/** From what each member would come back. */
export const toChosenText = ({ point, wantedAt, at, skewMs, members }: ChosenPoint): string =>
  [
    `${point} can be brought back as of ${at}${wantedAt === null || wantedAt === at ? '' : `, for ${wantedAt}`}; its members lie within ${toSeconds(skewMs)}`,
    toTable(
      ['dataset', 'from', 'as of', 'offset', 'restore with'],
      members.map((member) => [
        ...[member.dataset, member.backupId === null ? 'archive' : `backup by ${member.method ?? ''}`],
        ...[member.snapshotAt, toOffset(member.offsetMs), toCommand(member)],
      ]),
    ),
  ].join('\n');

const toCommand = ({ dataset, backupId, snapshotAt }: ChosenPoint['members'][number]): string =>
  backupId === null
    ? `holdfast restore run ${dataset}@latest:base --to-time ${snapshotAt} --target … --local`
    : `holdfast restore run ${backupId} --target … --local`;
