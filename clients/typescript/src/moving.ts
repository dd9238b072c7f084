// Saying where one is: no more often than others are told of it, and what was said last always.

import type { Point, UserError } from './contract.js';
import { given } from './operations.js';
import { Lost, ofEnd, Refused } from './refusal.js';
import type { Frame } from './roster.js';
import { Backoff } from './waiting.js';

/** Milliseconds from one to the next: the server passes on 30 a second. */
const INTERVAL = 34;
/** How many may be without an answer; what is said meanwhile becomes one. */
const AHEAD = 10;

/** What is left out stays, and null clears it. */
export interface Move {
  cursor?: Point | null;
  pageId?: string | null;
  /** Ids of elements, at most 500. */
  selection?: readonly string[] | null;
  /** Of what is dragged, at most 200; for who may edit. */
  frames?: readonly Frame[] | null;
}

interface Said extends Move {
  selection?: readonly string[];
  frames?: readonly Frame[];
}

export class Moving {
  /** All that was said last, but for what was refused. */
  readonly said: Said = {};
  private unsent: Said = {};
  private underway = 0;
  private isThere = false;
  private gate: ReturnType<typeof setTimeout> | undefined;
  private readonly backoff = new Backoff();
  private readonly send: (move: Said) => Promise<UserError[]>;
  private readonly refused: (error: UserError) => void;

  constructor(send: Moving['send'], refused: Moving['refused']) {
    this.send = send;
    this.refused = refused;
  }

  move(move: Move): void {
    const said = given(structuredClone(move)) as Said;
    if ('selection' in said) said.selection ??= [];
    if ('frames' in said) said.frames ??= [];
    Object.assign(this.said, said);
    Object.assign(this.unsent, said);
    this.flow();
  }

  /** One is there, perhaps as somebody new: all of it is said again. */
  begin(): void {
    this.end();
    this.isThere = true;
    this.unsent = { ...this.said };
    this.flow();
  }

  /** Nobody listens until it begins again. */
  end(): void {
    this.isThere = false;
    clearTimeout(this.gate);
    this.gate = undefined;
  }

  private flow(): void {
    if (!this.isThere || this.gate !== undefined || this.underway === AHEAD) return;
    if (!Object.keys(this.unsent).length) return;
    const move = this.unsent;
    this.unsent = {};
    this.rest(INTERVAL);
    void this.sendOne(move);
  }

  private rest(milliseconds: number): void {
    clearTimeout(this.gate);
    this.gate = setTimeout(() => {
      this.gate = undefined;
      this.flow();
    }, milliseconds);
  }

  private async sendOne(move: Said): Promise<void> {
    this.underway += 1;
    const failure = await this.send(move).then((errors) => this.answered(move, errors), ofEnd);
    this.underway -= 1;
    if (failure instanceof Refused || (failure instanceof Lost && failure.isMistake)) {
      const code = failure instanceof Refused ? failure.code : 'INTERNAL';
      this.drop(move, Object.keys(move), { code, message: failure.message, path: [] });
    } else if (failure) {
      this.unsent = { ...this.said };
      if (this.isThere) this.rest(this.backoff.next(failure instanceof Lost ? failure.after : 0));
    } else this.backoff.reset();
    this.flow();
  }

  private answered(move: Said, errors: UserError[]): Lost | undefined {
    const [error] = errors;
    if (error === undefined) return undefined;
    const wrong = errors.map(({ path }) => path[1] ?? '').filter((field) => field in move);
    if (!wrong.length) return new Lost(error.message);
    this.drop(move, wrong, error);
    // Of others the server has taken nothing.
    if (error.code !== 'FORBIDDEN') {
      const right = Object.entries(move).filter(([field]) => !wrong.includes(field));
      this.unsent = { ...Object.fromEntries(right), ...this.unsent };
    }
    return undefined;
  }

  private drop(move: Said, fields: readonly string[], error: UserError): void {
    for (const field of fields as (keyof Said)[]) if (this.said[field] === move[field]) delete this.said[field];
    this.refused(error);
  }
}
