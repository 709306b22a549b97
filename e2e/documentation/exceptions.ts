/**
 * How the commands of the pages are tried. Each is run as it stands there and must succeed, unless an entry below says otherwise;
 * what a page cannot know (names, ports, addresses) is put in by {@link placeholders}. An entry that fits no command fails a test.
 */
import type { ImageValues } from '../image/load.ts';
import { root } from '../scripts/paths.ts';
import type { TestCluster } from '../scripts/test-cluster.ts';

/** What is done with a command instead of running it and expecting that it succeeds. */
export type How =
  /** It goes on until Ctrl-C; meanwhile a client lists the tools of what it serves. */
  | { serves: true }
  /** It is run, and ends with this status. */
  | { status: number }
  /** This is run. */
  | { instead: (command: string) => string }
  /** Nothing is run: another test does it, or nothing here can. */
  | { run: false };

export interface Exception {
  matches: RegExp;
  how: How;
  because: string;
  /** Providers of clusters for which this holds; omitted: all. */
  providers?: readonly TestCluster['provider'][];
}

const dryRunOfMake = (command: string): string => command.replace(/^make /, 'make -n ');
const help = (command: string): string => `${command} --help`;
const syntaxCheck = (command: string): string => command.replace(/^(\S+).*/, 'bash -n $1');

export const exceptions: readonly Exception[] = [
  {
    matches: /^make demo\b|^(cnpg-mcp|node server\/dist\/main\.js) (serve|demo)\b|^kubectl port-forward /,
    how: { serves: true },
    because: 'it goes on until it is ended',
  },
  {
    matches: /^(claude|code) /,
    how: { run: false },
    because: 'clients.test.ts connects to what it names; the program is a product of others',
  },
  {
    matches: /^make (test|e2e|check|conformance|bench)\b/,
    how: { instead: dryRunOfMake },
    because: 'this very test runs within it, or it takes minutes and is a run of its own',
  },
  {
    matches: /^make (publish-image|kind-tools|lint-workflows)\b/,
    how: { instead: dryRunOfMake },
    because: 'it needs the internet, Docker or an account',
  },
  {
    matches: /^make release-notes TAG=/,
    how: { status: 2 },
    because: 'version 1.2.3 is an example, and the command says that the files have another one',
  },
  {
    matches: /^pnpm --filter cnpg-mcp-e2e conformance /,
    how: { instead: () => 'grep \'"conformance":\' e2e/package.json' },
    because: 'it is a run of its own, and takes minutes',
  },
  {
    matches: /^pnpm vitest run .* --update$/,
    how: { instead: (command) => command.replace(/run (\S+) --update/, 'list $1') },
    because: 'it writes into the checkout; `make test` runs the file itself',
  },
  {
    matches: /^pnpm run generate$/,
    how: { instead: (command) => `${command} --check` },
    because: 'it writes into the checkout',
  },
  {
    matches: /^pnpm run parameters$/,
    how: { instead: () => 'grep \'"parameters":\' package.json' },
    because: 'it takes files that real servers of every version have written, and writes into the checkout',
  },
  {
    matches: /^docker run --rm cnpg-mcp /,
    how: { instead: (command) => command.replace('docker run --rm ', '') },
    because: 'it needs Docker; the arguments are those of the program',
  },
  {
    matches: /^(docker (build|buildx create|load|tag|push)|kind load image-archive)\b/,
    how: { run: false },
    because: 'it needs Docker; e2e/clusters/kind/cluster uses the same where there is Docker',
  },
  {
    matches:
      /^(helm (install|template|test|upgrade|rollback|uninstall)( --[a-z-]+)?|kubectl (logs|rollout undo))$/,
    how: { instead: help },
    because: 'without its arguments it is only the name of the command',
  },
  {
    matches: /^sed -i$/,
    how: { run: false },
    because: 'without its arguments it is only the name of the command',
  },
  {
    matches: /^e2e\/clusters\/cluster (down|reset)$/,
    how: { instead: syntaxCheck },
    because: 'it would take away the cluster that this test runs on',
  },
  {
    matches: /^e2e\/clusters\/local\/prove\b/,
    how: { instead: syntaxCheck },
    because: 'it takes many minutes',
  },
  {
    matches: /^make (cluster|up|down)$/,
    how: { instead: dryRunOfMake },
    because: 'it is about a cluster of this project, and the tests run on another one',
    providers: ['external'],
  },
  {
    matches: /^e2e\/clusters\/cluster /,
    how: { instead: syntaxCheck },
    because: 'it is about a cluster of this project, and the tests run on another one',
    providers: ['external'],
  },
  {
    matches: /^e2e\/clusters\/local\/cluster /,
    how: { instead: syntaxCheck },
    because: 'it compiles a Kubernetes that the tests do not run on',
    providers: ['external', 'kind'],
  },
  {
    matches: /^cnpg-mcp-rbac diff\b/,
    how: { status: 1 },
    because: 'its status says that there is a difference: nothing was applied yet',
  },
  {
    matches: /^kubectl annotate storageclass /,
    how: { instead: (command) => `${command} --overwrite --dry-run=server` },
    because: 'it changes what every namespace of the cluster uses',
  },
];

/** What this command is an exception for; `undefined`: it is run, and must succeed. */
export function exceptionFor(command: string, provider?: TestCluster['provider']): Exception | undefined {
  return exceptions.find(
    ({ matches, providers }) =>
      matches.test(command) && (!providers || (provider !== undefined && providers.includes(provider))),
  );
}

/** What stands in the place of the names in the pages. */
export interface Place {
  /** Namespaces: of the server, and of PostgreSQL clusters. */
  tools: string;
  shop: string;
  billing: string;
  /** The image that was made. */
  image: ImageValues;
  /** Address of an identity provider. */
  issuer: string;
  storageClass: string;
  /** SHA-256 of the token that the page had made. */
  tokenHash: string;
}

/** What a page writes, and what it stands for. Each must be in some page. */
export const placeholders: readonly { text: RegExp; value: (place: Place) => string }[] = [
  { text: /(?<=--namespace |serviceaccount:)tools\b/g, value: ({ tools }) => tools },
  { text: /(?<=(--namespaces? |namespaces=\{))shop\b/g, value: ({ shop }) => shop },
  { text: /(?<=namespaces=\{[^}]+,)billing\b/g, value: ({ billing }) => billing },
  { text: /registry\.example\.com\/cnpg-mcp\b/g, value: ({ image }) => image.repository },
  { text: /(?<=^ *tag: )0\.1\.0$/gm, value: ({ image }) => image.tag },
  { text: /https:\/\/idp\.example\.com\/realms\/company/g, value: ({ issuer }) => issuer },
  { text: /(?<=storageclass )standard\b/g, value: ({ storageClass }) => storageClass },
  { text: /PUT-THE-HASH-HERE/g, value: ({ tokenHash }) => tokenHash },
  // Free ports instead of chosen ones; the default ports are replaced by the environment.
  { text: /(?<= )3000(?=:80\b)/g, value: () => '' },
  { text: /(?<=PORT=)(3111|9465)\b/g, value: () => '0' },
  { text: /(?<=--port )4204\b/g, value: () => '0' },
  { text: /\/path\/to\/cnpg-mcp\b/g, value: () => root.replace(/\/$/, '') },
  { text: /\/path\/to\/kubeconfig/g, value: () => '"$KUBECONFIG"' },
];

/** Puts the real names into a text of a page. */
export function fillIn(text: string, place: Place): string {
  return placeholders.reduce(
    (filled, { text: written, value }) => filled.replace(written, () => value(place)),
    text,
  );
}
