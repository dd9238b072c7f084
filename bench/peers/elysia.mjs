// Elysia on Bun, REST: the statements of each answer side by side, and its JSON from their rows.
import { RedisClient, SQL } from 'bun';
import { Elysia } from 'elysia';

import { changes } from './changes.mjs';
import * as rows from './rows.mjs';

const database = withBun();
const valkey = new RedisClient(process.env.REDIS_URL);
const viewer = process.env.VIEWER;
const write = changes(database, (channel, message) => valkey.publish(channel, message), viewer);

const OWN = {
  IMAGE: (row) => ({
    imageId: row.imageId,
    crop: row.crop && { x: row.crop.x, y: row.crop.y, width: row.crop.width, height: row.crop.height },
    cornerRadius: row.cornerRadius,
  }),
  TEXT: (row) => ({ content: row.content, fontSize: row.fontSize, color: row.color, align: row.align }),
  RECTANGLE: (row) => ({
    fill: row.fill,
    stroke: row.stroke,
    strokeWidth: row.strokeWidth,
    cornerRadius: row.cornerRadius,
  }),
  CIRCLE: (row) => ({ fill: row.fill, stroke: row.stroke, strokeWidth: row.strokeWidth }),
  DRAWING: (row) => ({ stroke: row.stroke, strokeWidth: row.strokeWidth, points: row.points }),
};

const element = (row) => ({
  __typename: rows.typeOf(row),
  id: row.id,
  x: row.x,
  y: row.y,
  width: row.width,
  height: row.height,
  angle: row.angle,
  orderKey: row.orderKey,
  ...OWN[row.kind](row),
});
const image = ({ key, ...rest }) => rest;
const member = (row) => ({ role: row.role, user: { id: row.id, name: row.name } });
const cover = (row) => ({ id: row.coverId, filename: row.filename, width: row.width, height: row.height });

async function book(id) {
  const keys = database.array([id]);
  const [[found], elements, images, members] = await Promise.all([
    database.query(rows.BOOK, [id]),
    database.query(rows.ELEMENTS, [keys]),
    database.query(rows.IMAGES, [keys, 20]),
    database.query(rows.MEMBERS, [keys]),
  ]);
  const { key, cover, ...own } = found;
  return {
    ...own,
    elements: elements.map(element),
    images: { nodes: images.map(image) },
    members: members.map(member),
  };
}

async function books(first) {
  const found = await database.query(rows.SHELF, [viewer, first]);
  return {
    nodes: found.map((row) => ({
      id: row.id,
      title: row.title,
      seq: row.seq,
      memberCount: row.memberCount,
      cover: row.coverId && cover(row),
    })),
  };
}

new Elysia()
  .get('/book/:id', async ({ params }) => ({ data: { book: await book(rows.inside(params.id)) } }))
  .get('/books', async ({ query }) => ({ data: { books: await books(Number(query.first)) } }))
  .post('/nudge', async ({ body }) => ({ data: { nudge: await write.nudge(body) } }))
  .post('/move', async ({ body }) => ({ data: { move: await write.move(body) } }))
  .listen({ hostname: '127.0.0.1', port: Number(process.env.PORT) });

function withBun() {
  const sql = new SQL(process.env.DATABASE_URL, { max: Number(process.env.POOL) });
  const ask = (own) => (text, values) => own.unsafe(text, values);
  return {
    // It sees that a parameter is JSON, and makes it.
    json: (value) => value,
    query: ask(sql),
    transaction: (work) => sql.begin((own) => work(ask(own))),
    array: (values) => sql.array(values, 'UUID'),
  };
}
