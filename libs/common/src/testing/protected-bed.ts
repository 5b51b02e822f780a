import { readFile } from 'node:fs/promises';
import { PutBucketPolicyCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import type { RepositoryOptions } from '#common/repository/open-repository.js';
import { endpoints } from '#tools/services/endpoints.js';
import { S3Bed } from './s3-bed.js';
import { type Gateway, startUsersGateway, users } from './s3-gateway.js';

export interface ProtectedBedOptions {
  /** How the bucket was made. */
  readonly keeps?: 'one' | 'versions' | 'locked versions';
  /** Changes the policy of the how-to. */
  readonly changePolicy?: (statements: Statement[]) => Statement[];
}

export interface Statement {
  readonly Sid: string;
  readonly Effect: string;
  readonly Action: string[];
  readonly [field: string]: unknown;
}

const HOW_TO = 'docs/how-to/protect-backups-from-deletion.md';

/** A bucket with the policy that the how-to prints, and the two users that it is for. */
export class ProtectedBed {
  private constructor(
    readonly s3: S3Bed,
    private readonly gateway: Gateway,
  ) {}

  static async make({ keeps = 'one', changePolicy = (all) => all }: ProtectedBedOptions = {}): Promise<ProtectedBed> {
    const [s3, gateway] = await Promise.all([
      S3Bed.make({ objectLock: keeps === 'locked versions' }),
      startUsersGateway(),
    ]);
    const { bucket: Bucket } = s3;
    if (keeps === 'versions')
      await s3.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const bed = new ProtectedBed(s3, gateway);
    const policy = await loadPolicy(Bucket);
    const Policy = JSON.stringify({ ...policy, Statement: changePolicy(policy.Statement) });
    await bed.asAdministrator((client) => client.send(new PutBucketPolicyCommand({ Bucket, Policy })));
    return bed;
  }

  get endpoint(): string {
    return this.gateway.endpoint;
  }

  get administrator() {
    const { accessKeyId, secretAccessKey } = endpoints.s3;
    return { accessKeyId, secretAccessKey };
  }

  /** As an executor has it. */
  openWriting(changed: Partial<RepositoryOptions> = {}) {
    return this.s3.open({ endpoint: this.gateway.endpoint, ...users.writer, ...changed });
  }

  /** As a scheduler has it. */
  openDeleting(changed: Partial<RepositoryOptions> = {}) {
    return this.openWriting({ delete: users.sweeper, ...changed });
  }

  async dispose(): Promise<void> {
    await this.gateway.stop();
    await this.s3.dispose();
  }

  private async asAdministrator(work: (client: S3Client) => Promise<unknown>): Promise<void> {
    const { region, forcePathStyle, accessKeyId, secretAccessKey } = endpoints.s3;
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint: this.gateway.endpoint, region, forcePathStyle, credentials });
    await work(client);
    client.destroy();
  }
}

async function loadPolicy(bucket: string): Promise<{ readonly Statement: Statement[] }> {
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(await readFile(HOW_TO, 'utf8')) ?? [];
  const { writer, sweeper } = users;
  return JSON.parse(
    json
      .replaceAll('BUCKET/PREFIX', `${bucket}/some/prefix`)
      .replaceAll('BUCKET', bucket)
      .replaceAll('WRITER', writer.accessKeyId)
      .replaceAll('SWEEPER', sweeper.accessKeyId),
  );
}
