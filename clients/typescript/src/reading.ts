// The whole book, read anew.

import type { Waiting } from './asking.js';
import type { Connection } from './connection.js';
import type { Image, Snapshot } from './contract.js';
import type { Documents } from './documents.js';

/** How many pages of a hundred images are read; of more, only what events tell is known. */
const IMAGE_PAGES = 100;

interface Images {
  nodes: Image[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

interface Read {
  viewer: { user: { id: string } } | null;
  book: Snapshot['book'] & { images: Images };
}

/** As of one moment but for images after the first hundred, which events then bring to it. Raises Refused. */
export async function reading(
  connection: Connection,
  documents: Documents,
  bookId: string,
  signal: AbortSignal,
  waiting: Waiting,
): Promise<Snapshot> {
  const answer = await connection.ask<Read>(documents.snapshot, { bookId }, signal, waiting);
  const { images: first, ...book } = answer.book;
  const images = [...first.nodes];
  let { pageInfo } = first;
  for (let page = 1; pageInfo.hasNextPage && page < IMAGE_PAGES; page++) {
    const more = await connection.ask<{ book: { images: Images } }>(
      documents.images,
      { bookId, after: pageInfo.endCursor },
      signal,
      waiting,
    );
    images.push(...more.book.images.nodes);
    pageInfo = more.book.images.pageInfo;
  }
  return { book, images, viewerId: answer.viewer?.user.id ?? null };
}
