// Asks over one websocket with graphql-ws, the reference client, and prints what came: {results, error, closes}.
// Arguments: the address, the operation as JSON {query, variables?, extensions?}, the payload of connection_init.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, operation, payload = '{}'] = process.argv.slice(2);
const closes = [];
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: JSON.parse(payload),
  retryAttempts: 0,
  on: { closed: (event) => closes.push(event.code) },
});
const results = [];
let error = null;
try {
  for await (const result of client.iterate(JSON.parse(operation))) results.push(result);
} catch (cause) {
  error = Array.isArray(cause) ? cause : (cause?.code ?? String(cause));
}
await client.dispose();
console.log(JSON.stringify({ results, error, closes }));
