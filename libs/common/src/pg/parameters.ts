/** What Holdfast makes of a url's parameters, alike for its own sessions and for pg_dump and its like. */
export const PARAMETERS = [
  ...['host', 'hostaddr', 'port', 'user', 'password', 'passfile', 'dbname', 'target_session_attrs'],
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslcrl', 'ssl_min_protocol_version', 'ssl_max_protocol_version'],
  ...['channel_binding', 'connect_timeout', 'options'],
] as const;

export type Parameter = (typeof PARAMETERS)[number];

/** Of other programs, or set by Holdfast itself: without them a connection reaches the same database, just as safely. */
export const IGNORED: ReadonlySet<string> = new Set([
  // libpq, and what Holdfast has a value of its own for
  ...['application_name', 'fallback_application_name', 'keepalives', 'keepalives_idle', 'keepalives_interval'],
  ...['keepalives_count', 'tcp_user_timeout', 'sslcompression'],
  // node-postgres, TypeORM, Sequelize, Knex
  ...['uselibpqcompat', 'statement_timeout', 'query_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'],
  ...['max', 'min', 'pool', 'poolSize', 'pool_size', 'idleTimeoutMillis', 'connectionTimeoutMillis', 'synchronize'],
  // Prisma
  ...['schema', 'pgbouncer', 'connection_limit', 'pool_timeout', 'socket_timeout', 'statement_cache_size'],
  // Python, Go, Rails, PHP, JDBC
  ...[
    'prepared_statements',
    'prepareThreshold',
    'prepared_statement_cache_size',
    'statement_cache_mode',
    'max_overflow',
  ],
  ...['pool_max_conns', 'pool_min_conns', 'pool_max_conn_lifetime', 'default_query_exec_mode', 'binary_parameters'],
  ...['encoding', 'charset', 'serverVersion', 'currentSchema', 'search_path', 'ApplicationName', 'reaping_frequency'],
]);

const AS_SSLMODE = 'write sslmode=require, or sslmode=verify-full with sslrootcert';

/** What is to be written instead of parameters whose loss would be one of safety, or another server. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ...['ssl', 'requiressl', 'sslaccept', 'sslidentity', 'tls', 'tlsmode'].map((name) => [name, AS_SSLMODE] as const),
  ['sslfactory', AS_SSLMODE],
  ['sslpassword', 'let sslkey name a key without a passphrase that only the owner may read'],
  ['sslcrldir', 'name one file with sslcrl'],
  ['sslnegotiation', 'leave it out: a session begins unencrypted and goes over to TLS before the password'],
  ['gssencmode', 'leave it out: Holdfast encrypts with TLS only'],
  ['require_auth', 'use channel_binding=require, which insists on SCRAM'],
  ['requirepeer', 'let the folder of the socket belong to the server’s user alone'],
  ['service', 'write host, user and database of the service into the url'],
  ['client_encoding', 'leave it out: Holdfast reads and writes UTF-8'],
  ['replication', 'leave it out: dumps use ordinary sessions'],
  ['load_balance_hosts', 'leave it out: hosts are tried in the order in which they are written'],
]);
