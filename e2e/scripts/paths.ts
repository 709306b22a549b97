/** Where things lie in this checkout. All paths are absolute. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const at = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url));

/** The root of the workspace. */
export const root: string = at('.');
/** What runs on this checkout leaves here: pid files, logs, test results. Git ignores it. */
export const runFolder: string = at('.run');
/** The one program that makes a Kubernetes, whichever provider it comes from (e2e/clusters/README.md). */
export const clusterProgram: string = at('e2e/clusters/cluster');
/** Where the local provider and the suites keep what takes long to make, for all checkouts. */
export const clusterCache: string = process.env.CNPG_LAB_HOME ?? join(homedir(), '.cache/cnpg-lab');
/** The provider that needs no container engine. */
export const localClusterProgram: string = at('e2e/clusters/local/cluster');
/** The built server. */
export const serverProgram: string = at('server/dist/main.js');
