// The part of Leporello's schema that is asked for here, for the servers that are given a schema and resolvers.
import DataLoader from 'dataloader';

import { changes } from './changes.mjs';
import * as rows from './rows.mjs';

const ELEMENT = 'id: ID! x: Float! y: Float! width: Float! height: Float! angle: Float! orderKey: String!';

export const typeDefs = `
  interface Element { ${ELEMENT} }
  type Box { x: Float! y: Float! width: Float! height: Float! }
  type Point { x: Float! y: Float! }
  type ImageElement implements Element { ${ELEMENT} imageId: ID crop: Box cornerRadius: Float! }
  type TextElement implements Element { ${ELEMENT} content: String! fontSize: Float! color: String! align: String! }
  type RectangleElement implements Element {
    ${ELEMENT} fill: String stroke: String strokeWidth: Float! cornerRadius: Float!
  }
  type CircleElement implements Element { ${ELEMENT} fill: String stroke: String strokeWidth: Float! }
  type DrawingElement implements Element { ${ELEMENT} stroke: String strokeWidth: Float! points: [Point!]! }
  type Image {
    id: ID! status: String! filename: String! contentType: String! size: Int! width: Int height: Int
  }
  type ImageConnection { nodes: [Image!]! }
  type User { id: ID! name: String! }
  type Member { role: String! user: User! }
  type Book {
    id: ID! title: String! description: String visibility: String! seq: Int!
    elements: [Element!]! images(first: Int = 20): ImageConnection! members: [Member!]! memberCount: Int! cover: Image
  }
  type BookConnection { nodes: [Book!]! }
  type Moved { seq: Int element: Place! }
  type Place { id: ID! x: Float! y: Float! }
  type Query { book(id: ID!): Book books(first: Int = 20): BookConnection! }
  type Mutation {
    nudge(bookId: ID!, id: ID!, x: Float!, y: Float!): Moved!
    move(bookId: ID!, id: ID!, x: Float!, y: Float!, batchId: String!): Moved!
  }`;

export function resolversOf(database, publish) {
  const viewer = process.env.VIEWER;
  const write = changes(database, publish, viewer);
  return {
    Query: {
      book: async (_, { id }) => (await database.query(rows.BOOK, [rows.inside(id)]))[0],
      books: async (_, { first }) => ({ nodes: await database.query(rows.BOOKS, [viewer, first]) }),
    },
    Mutation: {
      nudge: (_, given) => write.nudge(given),
      move: (_, given) => write.move(given),
    },
    Book: {
      elements: (book, _, { load }) => load.elements.load(book.key),
      images: async (book, { first }, { load }) => ({ nodes: await load.images(first).load(book.key) }),
      members: (book, _, { load }) => load.members.load(book.key),
      memberCount: (book, _, { load }) => load.memberCount.load(book.key),
      cover: (book, _, { load }) => (book.cover ? load.cover.load(book.cover) : null),
    },
    Member: { user: (member) => member },
    Element: { resolveType: rows.typeOf, __resolveType: rows.typeOf },
  };
}

// The loaders of one operation. They only batch, as Leporello's do: nothing is asked for twice here.
export function loadersOf(database) {
  const many = (text, ...more) => loader(database, text, more, (found) => found ?? []);
  const one = (text) => loader(database, text, [], (found) => found?.[0] ?? null);
  return {
    elements: many(rows.ELEMENTS),
    images: (first) => many(rows.IMAGES, first),
    members: many(rows.MEMBERS),
    memberCount: loader(database, rows.MEMBER_COUNTS, [], (found) => found?.[0].count ?? 0),
    cover: one(rows.COVERS),
  };
}

function loader(database, text, more, take) {
  return new DataLoader(
    async (keys) => {
      const found = await database.query(text, [keys, ...more]);
      if (keys.length === 1) return [take(found.length ? found : undefined)];
      const grouped = new Map();
      for (const row of found) {
        const group = grouped.get(row.key);
        if (group) group.push(row);
        else grouped.set(row.key, [row]);
      }
      return keys.map((key) => take(grouped.get(key)));
    },
    { cache: false },
  );
}
