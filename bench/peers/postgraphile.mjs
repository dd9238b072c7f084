// PostGraphile 5 over the same tables: its schema is theirs, with the kinds of elements told by smart tags.
import { createServer } from 'node:http';

import { Redis } from 'iovalkey';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { TYPES } from 'postgraphile/@dataplan/pg';
import { constant, sideEffect } from 'postgraphile/grafast';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { extendSchema, gql, pgSmartTags } from 'postgraphile/utils';

import { changes } from './changes.mjs';
import { pgPool, withPg } from './database.mjs';

const valkey = new Redis(process.env.REDIS_URL);
const pool = pgPool();
const viewer = process.env.VIEWER;
const write = changes(withPg(pool), (channel, message) => valkey.publish(channel, message), viewer);

const IMAGE = 'image_id>imageId,crop,corner_radius>cornerRadius';
const SHAPE = 'fill,stroke,stroke_width>strokeWidth';
const kinds = pgSmartTags({
  kind: 'class',
  match: 'public.elements',
  tags: {
    interface: 'mode:single type:kind',
    type: [
      `IMAGE name:ImageElement attributes:${IMAGE}`,
      'TEXT name:TextElement attributes:content,font_size>fontSize,color,align',
      `RECTANGLE name:RectangleElement attributes:${SHAPE},corner_radius>cornerRadius`,
      `CIRCLE name:CircleElement attributes:${SHAPE}`,
      'DRAWING name:DrawingElement attributes:stroke,stroke_width>strokeWidth,points',
    ],
  },
});

// What is in no table: how many members a book has, whose books the viewer's are, and the two writes.
const own = extendSchema((build) => {
  const { sql } = build;
  const { books } = build.pgResources;
  return {
    typeDefs: gql`
      type Place { id: String! x: Float! y: Float! }
      type Moved { seq: Int element: Place! }
      extend type Book { memberCount: Int! }
      extend type Query { books(first: Int): [Book!]! }
      extend type Mutation {
        nudge(bookId: String!, id: String!, x: Float!, y: Float!): Moved!
        move(bookId: String!, id: String!, x: Float!, y: Float!, batchId: String!): Moved!
      }
    `,
    objects: {
      Book: {
        plans: {
          memberCount($book) {
            const count = sql`(SELECT count(*) FROM members WHERE book_id = ${$book.getClassStep().alias}.id)`;
            return $book.select(count, TYPES.int);
          },
        },
      },
      Query: {
        plans: {
          books(_, { $first }) {
            const $books = books.find();
            const { alias } = $books;
            const me = $books.placeholder(constant(viewer), TYPES.uuid);
            $books.where(sql`${alias}.id IN (SELECT book_id FROM members WHERE user_id = ${me})`);
            $books.where(sql`${alias}.deleted_at IS NULL`);
            $books.orderBy({ attribute: 'updated_at', direction: 'DESC' });
            $books.orderBy({ attribute: 'id', direction: 'DESC' });
            $books.setOrderIsUnique();
            $books.setFirst($first);
            return $books;
          },
        },
      },
      Mutation: {
        plans: {
          nudge: (_, args) => sideEffect(args.getRaw(), (given) => write.nudge(given)),
          move: (_, args) => sideEffect(args.getRaw(), (given) => write.move(given)),
        },
      },
    },
  };
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [kinds, own],
  // It would hide relations whose index is partial, as those of living rows are.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  schema: { defaultBehavior: '+list -connection' },
  grafserv: { graphiql: false, websockets: false, watch: false },
};

const instance = postgraphile(preset);
if (process.env.PRINT) {
  const { printSchema } = await import('postgraphile/graphql');
  console.log(printSchema((await instance.getSchemaResult()).schema));
  process.exit(0);
}
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), '127.0.0.1');
