// Follows Leporello's books, and edits them without waiting.

export { type Batch, Book, type BookOptions } from './book.js';
export { Connection, type ConnectionOptions, type Sink } from './connection.js';
export * from './contract.js';
export { documents, type Selection } from './documents.js';
export type * from './operations.js';
export type { Move } from './moving.js';
export { type Outcome, PENDING_LIMIT } from './pending.js';
export { Presence, type PresenceOptions, type PresenceStatus } from './presence.js';
export { Lost, Refused } from './refusal.js';
export type { Frame, Person } from './roster.js';
export type { SocketClass } from './socket.js';
export type { State } from './state.js';
export type { Status } from './status.js';
export type { TokenSource } from './token.js';
