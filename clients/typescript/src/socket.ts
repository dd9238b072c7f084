// The one websocket that all subscriptions share; it is opened for the first of them.

import { type Client, createClient } from 'graphql-ws';
import type { Tokens } from './token.js';

/** Milliseconds that opening it may take, until a ping is answered, between pings, and that it stays without use. */
const OPEN_TIMEOUT = 10_000;
const PONG_TIMEOUT = 10_000;
const KEEP_ALIVE = 10_000;
const LINGER = 1000;

export class Socket {
  readonly client: Client;
  isOpen = false;
  /** The one that it was opened with. */
  token: string | null = null;
  private opening: ReturnType<typeof setTimeout> | undefined;
  private pinging: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, tokens: Tokens, webSocket?: typeof WebSocket) {
    const cut = (): void => this.cut();
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
      webSocketImpl: quiet(webSocket ?? globalThis.WebSocket),
      on: {
        connecting: () => (this.opening = setTimeout(cut, OPEN_TIMEOUT)),
        connected: () => {
          clearTimeout(this.opening);
          this.isOpen = true;
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

  /** Ends it at once, whether the other side hears of it or not; those who subscribe connect anew. */
  cut(): void {
    this.client.terminate();
  }

  close(): void {
    this.cut();
    // It rejects when it is closed while opening, which is what was asked for.
    Promise.resolve(this.client.dispose()).catch(() => undefined);
  }

  private forget(): void {
    clearTimeout(this.opening);
    clearTimeout(this.pinging);
    this.isOpen = false;
  }
}

/** In Node, an error that nobody listens to ends the process, and the client stops listening when it cuts a socket. */
function quiet(Implementation: typeof WebSocket): typeof WebSocket {
  return class extends Implementation {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given);
      this.addEventListener('error', () => undefined);
    }
  };
}
