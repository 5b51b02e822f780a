/** What an installation of a spec, benchmark or sandbox calls its own. */
export interface InstallationNames {
  readonly instance: string;
  readonly topicPrefix: string;
  readonly brokers: readonly string[];
  readonly apiUrl: string;
}

/** What a platform of a spec or benchmark calls its own. */
export interface PlatformNames extends Omit<InstallationNames, 'instance'> {
  readonly id: string;
  /** The repository `storage`. */
  readonly storage: object;
}

type Sections = Readonly<Record<string, unknown>>;

/** A holdfast.yaml: what every installation says, over it what `sections` say. Its secrets are references to CATALOG_URL and API_TOKEN. */
export function toInstallationConfig(
  { instance, topicPrefix, brokers, apiUrl }: InstallationNames,
  { bus, ...sections }: Sections,
): object {
  return {
    instance,
    bus: { brokers, topicPrefix, ...(bus as object | undefined) },
    catalog: { url: '${env:CATALOG_URL}' },
    api: { url: apiUrl, token: '${env:API_TOKEN}' },
    ...sections,
  };
}

/**
 * The configuration of a platform: what each has, then `defaults` of its services, then `sections` of its own. Ports are 0: the system
 * chooses them, so that no two platforms can meet. JSON is YAML.
 */
export function toPlatformConfig(
  { id, storage, ...names }: PlatformNames,
  sections: Sections,
  defaults: { readonly executor?: object; readonly verifier?: object } = {},
): string {
  const http = { port: 0 };
  const own = (name: string) => sections[name] as object | undefined;
  const document = toInstallationConfig(
    { ...names, instance: id.replace('_', '-') },
    {
      ...sections,
      bus: { topicPartitions: 1, ...own('bus') },
      repositories: { storage, ...own('repositories') },
      scheduler: { http, ...own('scheduler') },
      executor: { http, ...defaults.executor, ...own('executor') },
      verifier: { http, ...defaults.verifier, ...own('verifier') },
    },
  );
  return JSON.stringify(document, null, 2);
}
