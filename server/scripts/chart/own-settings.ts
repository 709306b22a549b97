/** Settings of the server that are the chart's own matter, and chart/files/settings.yaml, by which its templates know them. */
import { stringify } from 'yaml';
import { settings } from '../../src/config/schema.ts';

/** How the container is reached, and where its credentials are. `config` has none of these keys. */
export const ownedByChart: readonly string[] = [
  'transport',
  'port',
  'managementPort',
  'unsafeAllowAnonymous',
  'confirmationKeyFile',
  'auth.tokensFile',
];

/** Those, and what `config` may say within limits only, or a Secret says. */
const decidedByChart: readonly string[] = [...ownedByChart, 'host', 'confirmationKey'];

/** Every way around the chart to set one of its own settings: variables, and flags without their dashes. */
export function ownSettings(): { variables: string[]; flags: string[] } {
  const own = settings.filter(({ key }) => decidedByChart.includes(key));
  return {
    variables: ['CNPG_MCP_CONFIG', ...own.flatMap(({ environment }) => environment)],
    flags: ['config', ...own.flatMap(({ flag }) => flag ?? [])],
  };
}

/** The whole file. */
export function settingsFile(): string {
  return `# Made from the server's settings, by \`pnpm run generate\`: change server/scripts/chart/own-settings.ts, not this file.\n${stringify(ownSettings())}`;
}
