/** The codes that the stand-in answers with, and the HTTP status of each. Source: Meilisearch API reference, "Error codes". */
const statuses = {
  api_key_already_exists: 409,
  api_key_not_found: 404,
  bad_request: 400,
  document_not_found: 404,
  feature_not_enabled: 400,
  immutable_api_key_actions: 400,
  immutable_api_key_expires_at: 400,
  immutable_api_key_indexes: 400,
  immutable_api_key_key: 400,
  immutable_api_key_uid: 400,
  index_already_exists: 409,
  index_not_found: 404,
  index_primary_key_already_exists: 400,
  index_primary_key_multiple_candidates_found: 400,
  index_primary_key_no_candidate_found: 400,
  internal: 500,
  invalid_api_key: 403,
  invalid_api_key_actions: 400,
  invalid_api_key_description: 400,
  invalid_api_key_expires_at: 400,
  invalid_api_key_indexes: 400,
  invalid_api_key_limit: 400,
  invalid_api_key_name: 400,
  invalid_api_key_offset: 400,
  invalid_api_key_uid: 400,
  invalid_content_type: 415,
  invalid_document_fields: 400,
  invalid_document_filter: 400,
  invalid_document_id: 400,
  invalid_document_ids: 400,
  invalid_document_limit: 400,
  invalid_document_offset: 400,
  invalid_document_retrieve_vectors: 400,
  invalid_document_sort: 400,
  invalid_index_limit: 400,
  invalid_index_offset: 400,
  invalid_index_primary_key: 400,
  invalid_index_uid: 400,
  invalid_search_attributes_to_retrieve: 400,
  invalid_search_filter: 400,
  invalid_search_limit: 400,
  invalid_search_matching_strategy: 400,
  invalid_search_offset: 400,
  invalid_search_q: 400,
  invalid_search_sort: 400,
  invalid_settings_displayed_attributes: 400,
  invalid_settings_embedders: 400,
  invalid_settings_filterable_attributes: 400,
  invalid_settings_ranking_rules: 400,
  invalid_settings_searchable_attributes: 400,
  invalid_settings_sortable_attributes: 400,
  invalid_swap_duplicate_index_found: 400,
  invalid_swap_indexes: 400,
  invalid_task_canceled_by: 400,
  invalid_task_from: 400,
  invalid_task_index_uids: 400,
  invalid_task_limit: 400,
  invalid_task_reverse: 400,
  invalid_task_statuses: 400,
  invalid_task_types: 400,
  invalid_task_uids: 400,
  invalid_vector_dimensions: 400,
  invalid_vectors_type: 400,
  malformed_payload: 400,
  missing_api_key_actions: 400,
  missing_api_key_expires_at: 400,
  missing_api_key_indexes: 400,
  missing_authorization_header: 401,
  missing_content_type: 415,
  missing_document_filter: 400,
  missing_document_id: 400,
  missing_index_uid: 400,
  missing_payload: 400,
  missing_swap_indexes: 400,
  missing_task_filters: 400,
  payload_too_large: 413,
  task_not_found: 404,
  vector_embedding_error: 400,
} as const;

export type ErrorCode = keyof typeof statuses;

/** An error as the API shows it, in answers and in failed tasks alike. */
export interface ErrorView {
  readonly message: string;
  readonly code: string;
  readonly type: string;
  readonly link: string;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }

  get status(): number {
    return statuses[this.code];
  }

  get view(): ErrorView {
    const { code, message } = this;
    return { message, code, type: toType(code), link: `https://docs.meilisearch.com/errors#${code}` };
  }
}

function toType(code: ErrorCode): string {
  if (code === 'internal') return 'internal';
  return code === 'invalid_api_key' || code === 'missing_authorization_header' ? 'auth' : 'invalid_request';
}

/** What the stand-in leaves out is refused by name, never answered wrongly. */
export const notInStandIn = (what: string): ApiError =>
  new ApiError('bad_request', `the stand-in for Meilisearch does not know ${what}: start a real one for it`);
