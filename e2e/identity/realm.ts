/** A realm as docs/sign-in.md tells an administrator to set it up, with two people in it. */

export const realmName = 'cnpg';
export const password = 'only-for-this-test-run';

/** The scopes of this server. Optional ones are in a token only when the client asks for them. */
const scopes = ['cnpg:read', 'cnpg:operate', 'cnpg:change', 'cnpg:destroy'];

const mapper = (name: string, protocolMapper: string, config: Record<string, string>) => ({
  name,
  protocol: 'openid-connect',
  protocolMapper,
  config: { 'access.token.claim': 'true', 'id.token.claim': 'true', ...config },
});

/** What the client scopes `basic`, `roles` and `profile` of a realm made by hand bring along. */
const usual = [
  mapper('sub', 'oidc-sub-mapper', {}),
  mapper('name', 'oidc-usermodel-attribute-mapper', {
    'user.attribute': 'username',
    'claim.name': 'preferred_username',
    'jsonType.label': 'String',
  }),
  mapper('roles', 'oidc-usermodel-realm-role-mapper', {
    'claim.name': 'realm_access.roles',
    'jsonType.label': 'String',
    multivalued: 'true',
  }),
];

const client = (clientId: string, mappers: object[]) => ({
  clientId,
  publicClient: true,
  directAccessGrantsEnabled: true,
  standardFlowEnabled: false,
  fullScopeAllowed: true,
  defaultClientScopes: [],
  optionalClientScopes: scopes,
  protocolMappers: [...usual, ...mappers],
});

const person = (username: string, more: object) => ({
  username,
  enabled: true,
  email: `${username}@example.com`,
  emailVerified: true,
  firstName: username,
  lastName: 'Example',
  credentials: [{ type: 'password', value: password }],
  ...more,
});

/** `audience`: the resource that this server is. */
export function exampleRealm(audience: string): object {
  return {
    realm: realmName,
    enabled: true,
    sslRequired: 'none',
    roles: { realm: [{ name: 'postgres-operator' }] },
    groups: [{ name: 'dba' }],
    clientScopes: scopes.map((name) => ({
      name,
      protocol: 'openid-connect',
      attributes: { 'include.in.token.scope': 'true' },
    })),
    clients: [
      client('assistant', [
        mapper('audience', 'oidc-audience-mapper', { 'included.custom.audience': audience }),
        mapper('groups', 'oidc-group-membership-mapper', { 'claim.name': 'groups', 'full.path': 'false' }),
      ]),
      // A client of the same realm for something else.
      client('elsewhere', []),
    ],
    users: [person('ada', { groups: ['dba'] }), person('grace', { realmRoles: ['postgres-operator'] })],
  };
}
