// Mercurius on Fastify, with its JIT.
import Fastify from 'fastify';
import { Redis } from 'iovalkey';
import mercurius from 'mercurius';

import { connect } from './database.mjs';
import { loadersOf, resolversOf, typeDefs } from './schema.mjs';

const database = connect('pg');
const valkey = new Redis(process.env.REDIS_URL);
const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  resolvers: strip(resolversOf(database, (channel, message) => valkey.publish(channel, message))),
  context: () => ({ load: loadersOf(database) }),
  jit: 1,
  graphiql: false,
});
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });

// Mercurius takes `resolveType` alone, and refuses the name that others want.
function strip(resolvers) {
  const { __resolveType, ...Element } = resolvers.Element;
  return { ...resolvers, Element };
}
