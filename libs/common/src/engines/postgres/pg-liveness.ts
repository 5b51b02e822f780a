/**
 * How a server notices that the machine of a client is gone without a word. By its own defaults it would hold the locks of such a session
 * for about two hours; with these, for about a minute. Asked of the kernel that the server runs on, which answers by itself also
 * for a process that is frozen or busy. Without effect over a Unix socket.
 */
export const KEEPALIVES: Readonly<Record<string, string>> = {
  tcp_keepalives_idle: '30',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
};

/**
 * The same while an answer is on its way, for which the kernel would otherwise try for a quarter of an hour. Only for those that take
 * answers at once: it counts as well while a client does not read, as pg_dump does not whose output has to wait for storage.
 */
export const ANSWERS_TAKEN: Readonly<Record<string, string>> = { tcp_user_timeout: '60000' };
