// Asks over HTTP with Apollo's client and its link for persisted queries, and prints what was sent and what came.
// Arguments: the address, the documents as a JSON list, whether queries go by GET.
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';

const [url, documents, useGETForHashedQueries] = process.argv.slice(2);
const sent = [];
const spying = async (address, options) => {
  const response = await fetch(address, options);
  const asked = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(address).searchParams);
  sent.push({ method: options.method, query: 'query' in asked, status: response.status });
  return response;
};
const persisted = new PersistedQueryLink({
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
  useGETForHashedQueries: useGETForHashedQueries === 'true',
});
const client = new ApolloClient({
  link: ApolloLink.from([persisted, new HttpLink({ uri: url, fetch: spying })]),
  cache: new InMemoryCache(),
  defaultOptions: { query: { fetchPolicy: 'no-cache', errorPolicy: 'all' } },
});
const results = [];
for (const document of JSON.parse(documents)) {
  const { data, error } = await client.query({ query: gql(document), variables: { name: 'Ada' } });
  results.push({ data: data ?? null, error: error ? error.message : null });
}
client.stop();
console.log(JSON.stringify({ sent, results }));
