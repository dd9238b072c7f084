// Elysia on Bun, whose sockets follow a topic: what Valkey says is published to it as it is, one frame for all.
import { RedisClient } from 'bun';
import { Elysia } from 'elysia';

const valkey = new RedisClient(process.env.REDIS_URL);
const books = new Set();

const app = new Elysia()
  .ws('/live/:book', {
    perMessageDeflate: false,
    async open(socket) {
      const channel = `live:${socket.data.params.book}`;
      socket.subscribe(channel);
      if (books.has(channel)) return;
      books.add(channel);
      await valkey.subscribe(channel, (message) => app.server.publish(channel, message));
    },
  })
  .listen({ hostname: '127.0.0.1', port: Number(process.env.PORT) });
