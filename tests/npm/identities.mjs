// Two OpenID providers on one port, until it is ended: one at its root, which tells of people at its userinfo endpoint,
// and one where Keycloak has a realm, which tells in the ID token. Prints the port. What is put at /people is what they
// say of a person. Arguments: the allowed redirect URI, and the secret of the client `leporello`.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import Provider from 'oidc-provider';

const [redirectUri, secret] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
// By their subjects, which they log in with.
const people = new Map();

const provider = (issuer, client, more) => {
  const made = new Provider(issuer, {
    clients: [{ client_id: 'leporello', client_secret: secret, redirect_uris: [redirectUri], ...client }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'locale', 'preferred_username'] },
    findAccount: (_, login) => ({ accountId: login, claims: () => people.get(login) }),
    pkce: { required: () => true },
    cookies: { keys: ['tests'] },
    ...more,
  });
  made.on('server_error', (_, error) => console.error(error));
  return made.callback();
};

const server = createServer().listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const root = provider(`http://127.0.0.1:${port}`, {}, {});
  const path = '/realms/house';
  const post = { token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'ES256' };
  const keycloak = provider(`http://127.0.0.1:${port}${path}`, post, {
    conformIdTokenClaims: false,
    clientAuthMethods: ['client_secret_post'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'one' }] },
  });
  server.on('request', async (request, response) => {
    if (request.url === '/people') {
      const claims = await json(request);
      people.set(claims.sub, claims);
      return response.end();
    }
    if (!request.url.startsWith(path)) return root(request, response);
    request.originalUrl = request.url;
    request.url = request.url.slice(path.length);
    return keycloak(request, response);
  });
  console.log(port);
});
