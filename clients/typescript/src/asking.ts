// Queries and mutations, over HTTP.

import { Expired, Lost, ofEnd, ofErrors, Refused, type ServerError } from './refusal.js';
import { Renewals, type Tokens } from './token.js';
import { Backoff, pause, within } from './waiting.js';

/** Milliseconds after which an answer is taken to be lost. */
const ANSWER_TIMEOUT = 15_000;
/** How often what failed by the server's own mistake is tried. */
const TRIES = 3;

export type Variables = Record<string, unknown>;
/** Is told why there is no answer yet, each time before it is asked again. */
export type Waiting = (failure: Lost) => void;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export class Asking {
  private readonly url: string;
  private readonly tokens: Tokens;
  private readonly fetch: Fetch;

  constructor(url: string, tokens: Tokens, fetch: Fetch) {
    this.url = url;
    this.tokens = tokens;
    this.fetch = fetch;
  }

  /** Asks until there is an answer, which is for ever while there is no network. Raises Refused. */
  async ask<T>(document: string, variables: Variables, signal: AbortSignal, waiting?: Waiting): Promise<T> {
    const body = JSON.stringify({ query: document, variables });
    const backoff = new Backoff();
    const renewals = new Renewals();
    for (let mistakes = 0; ; ) {
      const token = await this.tokens.current().catch(ofEnd);
      try {
        if (token instanceof Error) throw token;
        return await this.once<T>(body, token, signal);
      } catch (error) {
        signal.throwIfAborted();
        let failure = ofEnd(error);
        if (failure instanceof Expired && !(token instanceof Error)) {
          renewals.add(failure);
          try {
            await this.tokens.renew(token);
            continue;
          } catch (failed) {
            failure = ofEnd(failed);
          }
        }
        if (failure instanceof Refused) throw failure;
        const { after, isMistake } = failure as Lost;
        if (isMistake && ++mistakes === TRIES) throw new Refused('INTERNAL', failure.message);
        signal.throwIfAborted();
        waiting?.(failure as Lost);
        await pause(backoff.next(after), signal);
      }
    }
  }

  private async once<T>(body: string, token: string | null, signal: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (token !== null) headers['authorization'] = `Bearer ${token}`;
    return within(signal, async (inner) => {
      const timer = setTimeout(() => inner.abort(new Lost('There was no answer in time.')), ANSWER_TIMEOUT);
      try {
        const response = await this.fetch(this.url, { method: 'POST', headers, body, signal: inner.signal });
        return answered<T>(response.status, await response.text());
      } finally {
        clearTimeout(timer);
      }
    });
  }
}

function answered<T>(status: number, text: string): T {
  let answer: { data?: T | null; errors?: ServerError[] };
  try {
    answer = JSON.parse(text);
  } catch {
    // Said by somebody between us and the server.
    const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
    throw isFinal ? new Refused(`HTTP_${status}`, `HTTP ${status}`) : new Lost(`HTTP ${status}`);
  }
  if (answer.errors?.length || !answer.data) throw ofErrors(answer.errors ?? []);
  return answer.data;
}
