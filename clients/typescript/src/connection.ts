// The way to the server: questions over HTTP, and subscriptions that outlive their socket.

import { Asking, type Fetch, type Variables, type Waiting } from './asking.js';
import { Completed, Expired, Lost, ofEnd, ofErrors, Refused, type ServerError } from './refusal.js';
import { Socket, type SocketClass } from './socket.js';
import { Renewals, Tokens, type TokenSource } from './token.js';
import { Backoff, pause, within } from './waiting.js';

export interface ConnectionOptions {
  /** Where GraphQL is, such as https://books.example.org/graphql; its websocket is at the same place. */
  url: string;
  /** Nobody's, unless given: then only public books can be read. */
  token?: TokenSource;
  /** In place of the global ones; Node has a WebSocket from version 22 on. */
  fetch?: Fetch;
  webSocket?: SocketClass;
}

export interface Sink<T> {
  /** What it returns ends this attempt, and another one is made. */
  next(data: T): Lost | void;
  opened?(): void;
  waiting?: Waiting;
}

export class Connection {
  private readonly tokens: Tokens;
  private readonly asking: Asking;
  private readonly socket: Socket;
  /** What is asked and followed, to be called off when it is closed. */
  private readonly underway = new Set<AbortController>();
  private isClosed = false;

  constructor({ url, token, fetch, webSocket }: ConnectionOptions) {
    const socketUrl = new URL(url);
    // Of others some sockets throw where nobody can catch it.
    if (!/^https?:$/.test(socketUrl.protocol)) throw new TypeError(`The url is of http or https, unlike ${url}`);
    socketUrl.protocol = socketUrl.protocol.replace('http', 'ws');
    this.tokens = new Tokens(token ?? (() => null));
    this.asking = new Asking(url, this.tokens, fetch ?? ((at, init) => globalThis.fetch(at, init)));
    this.socket = new Socket(socketUrl.href, this.tokens, webSocket);
  }

  /** Asks until there is an answer. Raises Refused, and the signal's reason when it is aborted. */
  ask<T>(document: string, variables: Variables = {}, signal?: AbortSignal, waiting?: Waiting): Promise<T> {
    return this.whileOpen(signal, (inner) => this.asking.ask(document, variables, inner, waiting));
  }

  /** Asks once, on the socket that is open for what is followed. Raises Refused, Lost, Expired. */
  askOnce<T>(document: string, variables: Variables): Promise<T> {
    return this.socket.ask(document, variables);
  }

  /** Subscribes again and again, each time with variables as they are then; ends only as `ask` fails. */
  follow<T>(document: string, variables: () => Variables, sink: Sink<T>, signal?: AbortSignal): Promise<never> {
    return this.whileOpen(signal, (inner) => this.run(document, variables, sink, inner));
  }

  /** Ends all that hangs on it, for good: what is asked and followed is CLOSED, and so are its books. */
  close(): void {
    this.isClosed = true;
    for (const each of this.underway) each.abort(closed());
    this.socket.close();
  }

  private whileOpen<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return within(signal, async (inner) => {
      if (this.isClosed) throw closed();
      this.underway.add(inner);
      try {
        return await work(inner.signal);
      } finally {
        this.underway.delete(inner);
      }
    });
  }

  private async run<T>(query: string, variables: () => Variables, sink: Sink<T>, signal: AbortSignal): Promise<never> {
    const backoff = new Backoff();
    const renewals = new Renewals();
    const hearing: Sink<T> = {
      ...sink,
      next: (data) => {
        backoff.reset();
        renewals.reset();
        return sink.next(data);
      },
    };
    for (;;) {
      let failure = await this.once(query, variables(), hearing, signal);
      signal.throwIfAborted();
      if (failure instanceof Expired) {
        renewals.add(failure);
        const token = this.socket.token;
        try {
          await this.tokens.renew(token);
          // Where the server only told us, the socket is still the old token's.
          if (this.socket.isOpen && this.socket.token === token) this.socket.cut();
          continue;
        } catch (failed) {
          failure = ofEnd(failed);
        }
      }
      if (failure instanceof Refused) throw failure;
      signal.throwIfAborted();
      sink.waiting?.(failure as Lost);
      await pause(backoff.next((failure as Lost).after), signal);
    }
  }

  private once<T>(document: string, variables: Variables, sink: Sink<T>, signal: AbortSignal) {
    return new Promise<Lost | Expired | Refused>((resolve) => {
      const { client } = this.socket;
      let isOver = false;
      const opened = (): void => sink.opened?.();
      const forget = this.socket.isOpen ? (opened(), () => undefined) : client.on('connected', opened);
      const end = (failure: Lost | Expired | Refused): void => {
        if (isOver) return;
        isOver = true;
        forget();
        signal.removeEventListener('abort', stop);
        // Behind a promise: it may end before `subscribe` has returned.
        void Promise.resolve().then(() => dispose());
        resolve(failure);
      };
      const stop = (): void => end(new Lost('It was called off.'));
      signal.addEventListener('abort', stop);
      const dispose = client.subscribe<T>(
        { query: document, variables },
        {
          next: ({ data, errors }) => {
            // Several messages may have come at once, and the first of them may have ended it.
            if (isOver) return;
            const failure = data ? sink.next(data) : ofErrors((errors ?? []) as ServerError[]);
            if (failure) end(failure);
          },
          error: (cause) => end(ofEnd(cause)),
          complete: () => end(new Completed('The server has ended it.')),
        },
      );
      if (signal.aborted) stop();
    });
  }
}

const closed = (): Refused => new Refused('CLOSED', 'The connection is closed.');
