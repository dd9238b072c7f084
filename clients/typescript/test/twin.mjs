// The server's honest twin, as far as one book and one client of it go: a snapshot, and a journal to follow.
import { Book } from '../dist/book.js';
import { Lost } from '../dist/refusal.js';
import { fields } from './rows.mjs';

export class Twin {
  constructor(rows) {
    Object.assign(this, { seq: 1, epoch: 'e', reads: 0, opens: true, pages: [], elements: [], ...rows });
    this.followed = [];
    this.batches = [];
  }

  /** What it is asked for, over HTTP; batches wait in `batches` for their answer. */
  ask(document, { input }, _, waiting) {
    if (input) return new Promise((resolve) => this.batches.push({ ...input, resolve }));
    this.reads += 1;
    if (this.isAway) return new Promise(() => waiting(new Lost('no network')));
    const { seq, epoch, pages, elements } = this;
    const images = { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } };
    const book = { ...fields, seq, epoch, viewerRole: 'EDITOR', pages, elements, images };
    return Promise.resolve(structuredClone({ viewer: null, book }));
  }

  /** Each subscription is known by where it began; `tell` speaks to the last, and makes a new one where it ends. */
  async follow(_, variables, sink, signal) {
    for (;;) {
      this.followed.push(variables().after);
      if (this.opens) sink.opened();
      const failure = await new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        this.end = reject;
        this.tell = (bookEvents) => {
          const lost = sink.next({ bookEvents });
          if (lost) resolve(lost);
        };
        this.onFollowed?.();
      });
      sink.waiting(failure);
    }
  }

  /** Once the next subscription begins. */
  nextFollowed() {
    return new Promise((resolve) => (this.onFollowed = resolve));
  }

  async opened(options) {
    const book = new Book(this, 'bk_1', options);
    await this.nextFollowed();
    return book;
  }
}
