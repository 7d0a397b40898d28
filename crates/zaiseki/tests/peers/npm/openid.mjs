// An OpenID provider that nobody here wrote: oidc-provider from npm, with its own pages to sign in and consent. Everybody may sign in,
// by any name and password; the name says the groups (`boss` is one of the im-admins).
//
//   node openid.mjs PORT REDIRECT_URI SECRET
import Provider from "oidc-provider";

const [port, redirect, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "console",
      client_secret: secret,
      redirect_uris: [redirect],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
  scopes: ["openid", "profile", "groups"],
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: `subject-of-${id}`, preferred_username: id, groups: id === "boss" ? ["staff", "im-admins"] : ["staff"] }),
  }),
  cookies: { keys: ["a key of a test"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log(`listening at ${issuer}`));
