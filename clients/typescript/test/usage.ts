// What the README shows, as TypeScript sees it; it is compiled, and not run.

import { Book, Connection, Presence } from 'leporello-client';
import WebSocket from 'ws';

declare module 'leporello-client' {
  interface ElementFields {
    updatedAt?: string;
  }
}

/** As others have it, who bring a class that is less than the browsers'. */
export const connection = new Connection({ url: 'https://books.example.org/graphql', webSocket: WebSocket });
export const inBrowsers = new Connection({ url: 'https://books.example.org/graphql', webSocket: globalThis.WebSocket });
// @ts-expect-error: no class of sockets.
export const wrong = new Connection({ url: 'https://books.example.org/graphql', webSocket: Date });

export async function use(bookId: string): Promise<string | undefined> {
  const book = new Book(connection, bookId, { selection: { element: 'updatedAt' } });
  const { elements } = await book.ready();
  // @ts-expect-error: nobody has said that it is there.
  void elements[0]?.createdBy;
  new Presence(connection, bookId).close();
  const { viewer } = await connection.ask<{ viewer: { email: string } }>('{ viewer { email } }');
  const next = ({ myBooks }: { myBooks: { bookId: string } }) => console.log(myBooks.bookId);
  connection.follow('subscription { myBooks { bookId } }', () => ({}), { next }).catch(console.error);
  return elements[0]?.updatedAt ?? viewer.email;
}
