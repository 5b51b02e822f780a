/** As a schema tells it. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `targets.staging.url: is missing`; `whole` names the document for an issue that is about all of it. */
export const toIssueText = ({ path, message }: Issue, whole: string): string =>
  `${toPathText(path) || whole}: ${message}`;

/** `targets.staging.url` */
export const toPathText = (path: readonly PropertyKey[]): string => path.map((part) => part.toString()).join('.');
