/** `oidc.yaml`: a small file of its own for sign-in, as other servers have it. Its keys become settings of ours. */
import { stat } from 'node:fs/promises';
import { closest } from '../closest.ts';
import { readYamlFile, shownKey } from './yaml-file.ts';

/** Where the file is looked for when none is named; the first that is there counts. */
export const oidcFilePlaces: readonly string[] = ['/etc/mcp/oidc.yaml', '/config/oidc.yaml', 'oidc.yaml'];

/** Key of the file to key of the setting. */
const meanings: Readonly<Record<string, string>> = {
  issuer: 'auth.issuer',
  audience: 'auth.audiences',
  jwks_uri: 'auth.jwksUri',
  scope: 'auth.requiredScope',
  public_url: 'publicUrl',
};

/** Keys that mean something to a server that hands out tokens itself. This one only checks them. */
const meaningless =
  /^(client_id|client_secrets?(_file)?|mgmt_\w+|dcr_\w+|jwt_\w+|storage_\w+|redis_\w+|auth_type|required_scopes)$/;

export interface OidcFile {
  path: string;
  settings: [key: string, value: unknown][];
  /** Keys that have no effect, one sentence each. */
  warnings: string[];
}

/** Reads the named file, or the first of `places`. `undefined`: there is none. Throws UsageError when it is no good. */
export async function readOidcFile(
  named: string | undefined,
  places: readonly string[],
): Promise<OidcFile | undefined> {
  const path = named ?? (await firstFile(places));
  if (path === undefined) return undefined;
  const settings: OidcFile['settings'] = [];
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(await readYamlFile(path))) {
    if (value === null || value === '') continue;
    const key = Object.hasOwn(meanings, name) ? meanings[name] : undefined;
    if (key === 'auth.audiences') settings.push([key, Array.isArray(value) ? value : [value]]);
    else if (key !== undefined) settings.push([key, value]);
    else warnings.push(`${shownKey(name)} in ${path} has no effect${reason(name)}`);
  }
  return { path, settings, warnings };
}

function reason(name: string): string {
  if (meaningless.test(name)) return ': this server checks tokens and hands out none.';
  const meant = closest(name, Object.keys(meanings));
  return meant ? `; did you mean ${meant}?` : '.';
}

async function firstFile(places: readonly string[]): Promise<string | undefined> {
  for (const place of places) {
    const found = await stat(place).catch(() => undefined);
    if (found?.isFile()) return place;
  }
  return undefined;
}
