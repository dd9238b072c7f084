// The one write, in two sizes: a bare UPDATE, and all that Leporello does for a batch; both are published.
import { inside, MOVE, NUDGE, RAISE, TELL, told } from './rows.mjs';

export function changes(database, publish, viewer) {
  return {
    async nudge({ bookId, id, x, y }) {
      const [element] = await database.query(NUDGE, [inside(id), x, y]);
      await publish(`book:${inside(bookId)}`, id);
      return { element };
    },
    async move({ bookId, id, x, y, batchId }) {
      const book = inside(bookId);
      const { seq, epoch } = await database.transaction(async (query) => {
        const [raised] = await query(RAISE, [book]);
        const [element] = await query(MOVE, [book, inside(id), x, y, raised.seq, viewer]);
        await query(TELL, [book, raised.seq, database.json(told(element)), viewer, batchId]);
        return raised;
      });
      await publish(`book:${book}`, `${epoch}:${seq}`);
      return { seq, element: { id, x, y } };
    },
  };
}
