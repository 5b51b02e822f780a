import { randomUUID } from 'node:crypto';
import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { AppError } from '#common/errors/app-error.js';
import { probeKey } from './layout.js';
import type { S3Connection } from './s3-connection.js';
import { isConditionUnknown } from './s3-errors.js';
import { deleteObject } from './s3-objects.js';
import { putObject } from './s3-put.js';

/**
 * Whether the bucket keeps what is deleted; where versioning is suspended, it still keeps the versions from before. False also where the
 * store does not know the question, null where these keys may not ask it. Throws: repository.unavailable, repository.missing.
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

/** False also where the store does not know the question, or these keys may not ask it. Throws: as hasVersioning. */
export async function hasObjectLock(connection: S3Connection, signal: AbortSignal): Promise<boolean> {
  const answer = await ask(async () => {
    const { ObjectLockConfiguration } = await connection.request('ask for object lock', signal, (client, o) =>
      client.send(new GetObjectLockConfigurationCommand({ Bucket: connection.bucket }), o),
    );
    return ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
  });
  return answer === true;
}

/** Tried on a real object: some stores ignore the condition without a word. Throws: repository.*. */
export async function hasConditionalPut(
  connection: S3Connection,
  folder: string,
  signal: AbortSignal,
): Promise<boolean> {
  const key = folder + probeKey(randomUUID());
  const body = Buffer.from('probe');
  await putObject(connection, key, body, { signal, ifAbsent: false, onProgress: undefined });
  try {
    await connection.request('try a conditional write', signal, (client, o) =>
      client.send(new PutObjectCommand({ Bucket: connection.bucket, Key: key, Body: body, IfNoneMatch: '*' }), o),
    );
    return false;
  } catch (error) {
    if (error instanceof AppError && error.code === 'repository.exists') return true;
    if (isConditionUnknown(error)) return false;
    throw error;
  } finally {
    await deleteObject(connection, key, signal);
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
