import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import type { S3Connection } from './connection.js';
import { isConditionUnknown } from './errors.js';

/**
 * Whether the bucket keeps what is deleted; where versioning is suspended, it still keeps the versions from before. False also where the
 * server does not know the question, null where these keys may not ask it. Throws: repository.unavailable, repository.missing.
 */
export async function hasVersioning(connection: S3Connection, signal: AbortSignal): Promise<boolean | null> {
  const answer = await ask(async () => {
    const { Status } = await connection.request('ask for versioning', signal, (client, o) =>
      client.send(new GetBucketVersioningCommand({ Bucket: connection.bucket }), o),
    );
    return Status !== undefined;
  });
  return answer === 'denied' ? null : answer;
}

export interface BucketLock {
  readonly isEnabled: boolean;
  /** The bucket locks by itself whatever is written without a lock of its own. */
  readonly hasDefault: boolean;
}

/** Neither also where the server does not know the question, or these keys may not ask it. Throws: as hasVersioning. */
export async function findBucketLock(connection: S3Connection, signal: AbortSignal): Promise<BucketLock> {
  let hasDefault = false;
  const answer = await ask(async () => {
    const { ObjectLockConfiguration: found } = await connection.request('ask for object lock', signal, (client, o) =>
      client.send(new GetObjectLockConfigurationCommand({ Bucket: connection.bucket }), o),
    );
    hasDefault = found?.Rule?.DefaultRetention !== undefined;
    return found?.ObjectLockEnabled === 'Enabled';
  });
  return { isEnabled: answer === true, hasDefault };
}

/** Tried on a real object, which is there already: some servers ignore the condition without a word. Throws: repository.*. */
export async function hasConditionalPut(connection: S3Connection, key: string, signal: AbortSignal): Promise<boolean> {
  const input = { Bucket: connection.bucket, Key: key, Body: Buffer.from('probe'), IfNoneMatch: '*' };
  try {
    await connection.request('try a conditional write', signal, (client, o) =>
      client.send(new PutObjectCommand(input), o),
    );
    return false;
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.exists') return true;
    if (isConditionUnknown(error)) return false;
    throw error;
  }
}

async function ask(question: () => Promise<boolean>): Promise<boolean | 'denied'> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (['repository.unavailable', 'repository.missing'].includes(error.code)) throw error;
    return error.code === 'repository.denied' ? 'denied' : false;
  }
}
