// A real OpenID provider (npm `oidc-provider`) on loopback, with one client for each algorithm ID tokens may be signed with.
//
//   node oidc-provider.mjs NODE_MODULES PORT KEY_NAME CALLBACK
//
// Prints its issuer once it listens. Ends when its standard input does.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, port, keyName, callback] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(join(modules, 'oidc-provider', 'lib', 'index.js')));

const key = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  kid: `${keyName}-${alg.toLowerCase()}`,
  alg,
  use: 'sig',
});
const rsa = { modulusLength: 2048 };
const keys = [
  key('rsa', rsa, 'RS256'),
  key('rsa', rsa, 'PS256'),
  key('ec', { namedCurve: 'P-256' }, 'ES256'),
  key('ed25519', {}, 'EdDSA'),
];
const algorithms = keys.map(({ alg }) => alg);

const server = createServer();
server.listen(Number(port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: algorithms.map((alg) => ({
      client_id: `client-${alg.toLowerCase()}`,
      client_secret: 'se:cret/with?signs&%+#of-every-kind',
      redirect_uris: [`${callback}/${alg.toLowerCase()}`],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      id_token_signed_response_alg: alg,
      token_endpoint_auth_method: alg === 'ES256' ? 'client_secret_post' : 'client_secret_basic',
    })),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    enabledJWA: { idTokenSigningAlgValues: algorithms },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@example.com`,
        email_verified: !id.startsWith('unverified'),
        name: id,
      }),
    }),
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
  });
  server.on('request', provider.callback());
  console.log(`issuer ${issuer}`);
});
process.stdin.resume().on('end', () => process.exit(0));
