// GraphQL Yoga on Node's own server; it keeps parsed and validated documents by itself.
import { createServer } from 'node:http';

import { createSchema, createYoga } from 'graphql-yoga';
import { Redis } from 'iovalkey';

import { connect } from './database.mjs';
import { loadersOf, resolversOf, typeDefs } from './schema.mjs';

const database = connect('postgres');
const valkey = new Redis(process.env.REDIS_URL);
const resolvers = resolversOf(database, (channel, message) => valkey.publish(channel, message));
delete resolvers.Element.resolveType;
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: () => ({ load: loadersOf(database) }),
  parserAndValidationCache: true,
  logging: false,
  graphiql: false,
  landingPage: false,
  multipart: false,
  maskedErrors: false,
  cors: false,
});
createServer(yoga).listen(Number(process.env.PORT), '127.0.0.1');
