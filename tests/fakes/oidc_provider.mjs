// A real OpenID provider (npm's oidc-provider) with people and clients made up for tests.
// Usage: node oidc_provider.mjs PACKAGE_FOLDER PORT CALLBACK
// POST /people/NAME sets claims of a person; anything else is the provider's own.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [folder, port, callback] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${folder}/lib/index.js`).href);

const people = {
  ann: { preferred_username: "Ann", name: "Ann Admin", groups: ["staff", "admins"] },
  bob: { preferred_username: "bob", name: "Bob Member", groups: ["staff"] },
  eve: { preferred_username: "eve", name: "Eve Elsewhere", groups: ["guests"] },
};
const issuer = `http://127.0.0.1:${port}`;
const client = { redirect_uris: [callback], grant_types: ["authorization_code"], response_types: ["code"] };
const provider = new Provider(issuer, {
  clients: [
    { ...client, client_id: "huasheng", client_secret: "s:cr%t +/&=" },
    { ...client, client_id: "public", token_endpoint_auth_method: "none" },
  ],
  pkce: { required: () => true },
  scopes: ["openid", "profile", "email"],
  claims: { openid: ["sub"], profile: ["preferred_username", "name", "groups"], email: ["email"] },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["only for tests"] },
});
const answer = provider.callback();

createServer(async (request, response) => {
  const name = /^\/people\/(\w+)$/.exec(request.url)?.[1];
  if (!name) return answer(request, response);
  let body = "";
  for await (const part of request) body += part;
  people[name] = { ...people[name], ...JSON.parse(body) };
  response.end();
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
