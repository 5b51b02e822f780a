/** What a platform of a spec or benchmark calls its own. */
export interface PlatformNames {
  readonly id: string;
  readonly topicPrefix: string;
  readonly brokers: readonly string[];
  readonly apiUrl: string;
  /** The repository `store`. */
  readonly store: object;
}

type Sections = Readonly<Record<string, unknown>>;

/**
 * The configuration of a platform: what each has, then `defaults` of its services, then `sections` of its own. Ports are 0: the system
 * chooses them, so that no two platforms can meet. JSON is YAML.
 */
export function toPlatformConfig(
  { id, topicPrefix, brokers, apiUrl, store }: PlatformNames,
  sections: Sections,
  defaults: { readonly executor?: object; readonly verifier?: object } = {},
): string {
  const http = { port: 0 };
  const own = (name: string) => sections[name] as object | undefined;
  const document = {
    ...sections,
    instance: id.replace('_', '-'),
    bus: { brokers, topicPrefix, topicPartitions: 1, ...own('bus') },
    catalog: { url: '${env:CATALOG_URL}' },
    api: { url: apiUrl, token: '${env:API_TOKEN}' },
    repositories: { store, ...own('repositories') },
    scheduler: { http, ...own('scheduler') },
    executor: { http, ...defaults.executor, ...own('executor') },
    verifier: { http, ...defaults.verifier, ...own('verifier') },
  };
  return JSON.stringify(document, null, 2);
}
