// One pool of the size that everybody has, with prepared statements, by either driver.
import pg from 'pg';
import postgres from 'postgres';

const SIZE = Number(process.env.POOL);

export const pgPool = () => new pg.Pool({ connectionString: process.env.DATABASE_URL, max: SIZE });

export function withPg(pool) {
  const names = new Map();
  const ask = async (client, text, values) => {
    let name = names.get(text);
    if (name === undefined) names.set(text, (name = `s${names.size}`));
    return (await client.query({ name, text, values })).rows;
  };
  return {
    json: JSON.stringify,
    query: (text, values) => ask(pool, text, values),
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await work((text, values) => ask(client, text, values));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
  };
}

function withPostgresJs() {
  const sql = postgres(process.env.DATABASE_URL, { max: SIZE, onnotice: () => {} });
  return {
    // It sees that a parameter is JSON, and makes it.
    json: (value) => value,
    query: (text, values) => sql.unsafe(text, values, { prepare: true }),
    transaction: (work) => sql.begin((own) => work((text, values) => own.unsafe(text, values, { prepare: true }))),
  };
}

export const connect = (driver) => (driver === 'pg' ? withPg(pgPool()) : withPostgresJs());
