import manifest from '../package.json' with { type: 'json' };

/** Version of this program, of the server, and of the chart: all three are released together. */
export const version: string = manifest.version;
