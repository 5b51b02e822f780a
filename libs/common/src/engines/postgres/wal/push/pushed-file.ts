import { parseSegmentName, parseTimelineHistory, toSegmentStart } from '#common/domain/wal.js';
import type { WalPlace } from '#common/engines/postgres/wal/wal-archive.js';
import { AppError } from '#common/errors/app-error.js';
import type { ClusterIdentity } from './registered-clusters.js';
import { parseSegmentHeader } from './segment-header.js';

/** What the name of a file says of it. */
export interface NamedFile extends WalPlace {
  readonly kind: 'segment' | 'partial' | 'backup' | 'history';
}

const NAMES: readonly [NamedFile['kind'], RegExp][] = [
  ['segment', /^[0-9A-F]{24}$/],
  ['partial', /^[0-9A-F]{24}[.]partial$/],
  ['backup', /^[0-9A-F]{24}[.][0-9A-F]{8}[.]backup$/],
  ['history', /^[0-9A-F]{8}[.]history$/],
];

/** Undefined: PostgreSQL archives no file of such a name. Source: PostgreSQL `access/xlog_internal.h`. */
export function parseFileName(name: string): NamedFile | undefined {
  const kind = NAMES.find(([, form]) => form.test(name))?.[0];
  return kind && { kind, name, timeline: Number(`0x${name.slice(0, 8)}`) };
}

/** Looks whether the bytes are what the name promises. Throws: wal.invalid; wal.conflict for the WAL of another cluster. */
export function assertIsWhatItSays(file: NamedFile, raw: Buffer, cluster: ClusterIdentity): void {
  const { kind, name } = file;
  if (kind === 'segment' || kind === 'partial') assertSegment(file, raw, cluster);
  else if (kind === 'history' && parseTimelineHistory(raw.toString('utf8')).length === 0)
    throw new AppError('wal.invalid', `${name} names no timeline`);
}

function assertSegment({ name, timeline }: NamedFile, raw: Buffer, { systemId, segmentBytes }: ClusterIdentity): void {
  const header = parseSegmentHeader(name, raw);
  const refuse = (why: string): never => {
    throw new AppError('wal.invalid', `${name} ${why}`);
  };
  if (header.systemId !== systemId) {
    const message = `${name} was written by cluster ${header.systemId}, and cluster ${systemId} pushes it`;
    const hint =
      'A file of another cluster lies in `pg_wal` of this one: look which server `archive_command` belongs to.';
    throw new AppError('wal.conflict', message, { name }, { hint });
  }
  if (header.segmentBytes !== segmentBytes)
    refuse(`is of segments of ${header.segmentBytes} bytes, and those of the cluster have ${segmentBytes}`);
  if (raw.length !== segmentBytes) refuse(`has ${raw.length} bytes instead of ${segmentBytes}`);
  const number = parseSegmentName(name.slice(0, 24), segmentBytes)?.number;
  if (number === undefined || toSegmentStart(number, segmentBytes) !== header.start)
    refuse('holds the WAL of another position than its name says');
  if (header.timeline > timeline) refuse(`holds the WAL of timeline ${header.timeline}`);
}
