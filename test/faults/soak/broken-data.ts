import { endpoints } from '#tools/services/endpoints.js';
import { findSecrets } from '../../support/secret-hunt.js';
import type { Cluster } from '../support/cluster.js';

/** The relay's lease is given back when its holder leaves. What is done once in a while keeps its own until it is due again. */
export async function findHeldLeases(cluster: Cluster): Promise<string[]> {
  const held = await cluster.catalog<{ name: string; owner: string }>(
    `SELECT name, owner FROM holdfast.leases WHERE name = 'relay' AND expires_at > clock_timestamp()`,
  );
  return held.map(({ name, owner }) => `lease ${name} is held by ${owner}, who is gone`);
}

export async function findSecretsAnywhere(cluster: Cluster): Promise<string[]> {
  const { catalogLogin, reader, writer } = cluster.estate;
  const secrets = {
    ...{ CATALOG_PASSWORD: catalogLogin.password, READER_PASSWORD: reader.password, WRITER_PASSWORD: writer.password },
    ...{ API_TOKEN: `token-${cluster.id}`, S3_KEY: endpoints.s3.secretAccessKey },
  };
  const { bus, storage } = cluster;
  const output = cluster.replicas.flatMap(({ app }) => app.output);
  const catalog = <Row extends object>(statement: string) => cluster.catalog<Row>(statement);
  return findSecrets({ bus, storage, output, secrets, catalog });
}

/** The apps themselves call these defects. */
export function findDefectsInLogs({ replicas }: Cluster): string[] {
  const lines = replicas.flatMap(({ app }) => app.output.filter((line) => line.includes('internal.bug')));
  return lines.map((line) => `a log tells of a defect: ${line.slice(0, 1_500)}`);
}
