import { randomBytes } from 'node:crypto';
import { toUuidV7 } from '#common/domain/ids.js';

/** Ids of work that no catalog knows of. They sort by time, as those of the catalog do. */
export const newLocalId = (): string => toUuidV7(new Date(), randomBytes(10));

export const newNonce = (): string => randomBytes(4).toString('hex');

export const UNHELD = 'no hold could be placed, so nothing keeps retention from this backup meanwhile';
