import { stringify } from 'yaml';
import { toMediaSections } from '#tools/platform/media-sections.js';
import { toInstallationConfig } from '#tools/platform/platform-config.js';
import { toShopSections } from '#tools/platform/shop-sections.js';
import { endpoints } from '#tools/services/endpoints.js';
import { type Sandbox, urlOf } from './sandbox.js';

/** What a sandbox protects beside its shop, section by section, and other sections of its own. */
export type MoreSections = Readonly<Record<string, object>>;

/** The sandbox's holdfast.yaml. No secret is in it: each is a reference to an environment variable. */
export const toConfigText = (sandbox: Sandbox, more: MoreSections = {}): string => {
  const { name, topicPrefix, bucket, ports, shop } = sandbox;
  const { endpoint, region, accessKeyId } = endpoints.s3;
  const storage = { endpoint, region, accessKeyId, secretAccessKey: '${env:S3_SECRET_KEY}' };
  const shopSections = toShopSections({ names: shop, url: urlOf(sandbox, 'shop'), repository: 'local-s3' });
  const mediaSections = toMediaSections({ storage, bucket: shop.bucket, repository: 'local-s3' });
  const names = { instance: name, brokers: endpoints.kafka.brokers, topicPrefix, apiUrl: urlOf(sandbox, 'scheduler') };
  const config = toInstallationConfig(names, {
    scheduler: { http: { port: ports.scheduler } },
    executor: { http: { port: ports.executor } },
    verifier: { http: { port: ports.verifier } },
    repositories: {
      'local-s3': { url: `s3://${bucket}/backups`, ...storage },
    },
    ...more,
    datasets: { ...shopSections.datasets, ...mediaSections.datasets, ...more['datasets'] },
    targets: { ...shopSections.targets, ...mediaSections.targets, ...more['targets'] },
    profiles: { ...shopSections.profiles, ...mediaSections.profiles, ...more['profiles'] },
  });
  return `# Written anew by \`npm run ${name}\`. docs/reference/holdfast.example.yaml explains every section.
# yaml-language-server: $schema=../docs/reference/holdfast.schema.json
${stringify(config, { aliasDuplicateObjects: false, lineWidth: 120 })}`;
};
