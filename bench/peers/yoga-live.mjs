// GraphQL Yoga with graphql-ws on ws, as both manuals put them together: an in-process pub/sub, which Valkey feeds.
import { createServer } from 'node:http';

import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { Redis } from 'iovalkey';
import { WebSocketServer } from 'ws';

const typeDefs = /* GraphQL */ `
  type Query {
    live: Boolean!
  }
  type Subscription {
    bookEvents(bookId: ID!): CanvasChanged!
  }
  type CanvasChanged {
    bookId: ID!
    seq: Int!
    batchId: String!
    actor: Actor!
    elements: [Element!]!
  }
  type Actor {
    id: ID!
    name: String!
  }
  type Element {
    id: ID!
    x: Float!
    y: Float!
    width: Float!
    height: Float!
    angle: Float!
    orderKey: String!
    seq: Int!
  }
`;
const told = createPubSub();
const valkey = new Redis(process.env.REDIS_URL);
const books = new Set();
valkey.on('message', (channel, message) => told.publish('book', channel, JSON.parse(message)));

const yoga = createYoga({
  schema: createSchema({
    typeDefs,
    resolvers: {
      Query: { live: () => true },
      Subscription: {
        bookEvents: {
          subscribe: async (_, { bookId }) => {
            const channel = `live:${bookId}`;
            if (!books.has(channel)) {
              books.add(channel);
              await valkey.subscribe(channel);
            }
            return told.subscribe('book', channel);
          },
          resolve: (event) => event,
        },
      },
    },
  }),
  parserAndValidationCache: true,
  logging: false,
  graphiql: false,
  landingPage: false,
  maskedErrors: false,
  cors: false,
});

const server = createServer(yoga);
const sockets = new WebSocketServer({ server, path: '/graphql', perMessageDeflate: false });
useServer(
  {
    execute: (given) => given.rootValue.execute(given),
    subscribe: (given) => given.rootValue.subscribe(given),
    onSubscribe: async (socket, _id, payload) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...socket,
        req: socket.extra.request,
        socket: socket.extra.socket,
        params: payload,
      });
      const given = {
        schema,
        operationName: payload.operationName,
        document: parse(payload.query),
        variableValues: payload.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(given.schema, given.document);
      return errors.length ? errors : given;
    },
  },
  sockets,
);
server.listen(Number(process.env.PORT), '127.0.0.1');
