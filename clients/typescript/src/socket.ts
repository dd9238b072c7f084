// The one websocket that all subscriptions share; it is opened for the first of them.

import { type Client, createClient } from 'graphql-ws';
import type { Variables } from './asking.js';
import type { UserError } from './contract.js';
import { RENEW } from './documents.js';
import { Lost, ofEnd, ofErrors, Refused, type ServerError } from './refusal.js';
import { Renewal } from './renewal.js';
import type { Tokens } from './token.js';

/** Milliseconds that opening it and an answer may take, until a ping is answered, between pings, and without use. */
const OPEN_TIMEOUT = 10_000;
const ANSWER_TIMEOUT = 15_000;
const PONG_TIMEOUT = 10_000;
const KEEP_ALIVE = 10_000;
const LINGER = 1000;

/** What is used of the browsers' WebSocket; the class of the package ws has it as well. */
export type SocketClass = new (url: string, protocols?: string | string[]) => {
  readonly readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'error', listener: () => void): void;
};

export class Socket {
  readonly client: Client;
  isOpen = false;
  /** The one that it was opened with, or was given since. */
  token: string | null = null;
  private readonly renewal: Renewal;
  private opening: ReturnType<typeof setTimeout> | undefined;
  private pinging: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, tokens: Tokens, webSocket: SocketClass | undefined = globalThis.WebSocket) {
    if (!webSocket) throw new TypeError("There is no WebSocket here: give one as `webSocket`, such as that of 'ws'.");
    const cut = (): void => this.cut();
    this.renewal = new Renewal(tokens, (token) => this.renew(token));
    this.client = createClient({
      url,
      // Who subscribes connects again by themselves: with a place in the book that is newer than their first.
      retryAttempts: 0,
      keepAlive: KEEP_ALIVE,
      lazyCloseTimeout: LINGER,
      connectionParams: async () => {
        this.token = await tokens.current();
        return this.token === null ? {} : { authorization: `Bearer ${this.token}` };
      },
      webSocketImpl: quiet(webSocket),
      on: {
        connecting: () => (this.opening = setTimeout(cut, OPEN_TIMEOUT)),
        connected: () => {
          clearTimeout(this.opening);
          this.isOpen = true;
          this.renewal.begin(this.token);
        },
        ping: (isReceived) => {
          if (!isReceived) this.pinging = setTimeout(cut, PONG_TIMEOUT);
        },
        pong: (isReceived) => {
          if (isReceived) clearTimeout(this.pinging);
        },
        error: () => this.forget(),
        closed: () => this.forget(),
      },
    });
  }

  /** Asks once, while it is open. Raises Refused, Lost, Expired. */
  async ask<T>(query: string, variables: Variables): Promise<T> {
    if (!this.isOpen) throw new Lost('The socket is not open.');
    let late: ReturnType<typeof setTimeout> | undefined;
    let stop = (): void => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        late = setTimeout(() => reject(new Lost('There was no answer in time.')), ANSWER_TIMEOUT);
        let give = (): void => reject(new Lost('There was no answer.'));
        const sink = {
          next: ({ data, errors }: { data?: T | null; errors?: unknown }) =>
            (give = () => (data && !errors ? resolve(data) : reject(ofErrors((errors ?? []) as ServerError[])))),
          error: (cause: unknown) => reject(ofEnd(cause)),
          complete: () => give(),
        };
        stop = this.client.subscribe<T>({ query, variables }, sink);
      });
    } finally {
      clearTimeout(late);
      stop();
    }
  }

  /** Ends it at once, whether the other side hears of it or not; those who subscribe connect anew. */
  cut(): void {
    this.client.terminate();
  }

  close(): void {
    this.cut();
    // It rejects when it is closed while opening, which is what was asked for.
    Promise.resolve(this.client.dispose()).catch(() => undefined);
  }

  private async renew(token: string): Promise<void> {
    const { renewConnection } = await this.ask<{ renewConnection: { userErrors: UserError[] } }>(RENEW, {
      accessToken: token,
    });
    const [error] = renewConnection.userErrors;
    if (error) throw new Refused(error.code, error.message);
    this.token = token;
  }

  private forget(): void {
    this.renewal.end();
    clearTimeout(this.opening);
    clearTimeout(this.pinging);
    this.isOpen = false;
  }
}

/** In Node, an error that nobody listens to ends the process, and the client stops listening when it cuts a socket. */
function quiet(Implementation: SocketClass): SocketClass {
  return class extends Implementation {
    constructor(...given: ConstructorParameters<SocketClass>) {
      super(...given);
      this.addEventListener('error', () => undefined);
    }
  };
}
