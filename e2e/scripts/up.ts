/**
 * `make up`: a real cluster, a PostgreSQL cluster of three instances on it, and this server in the background.
 * Each part that is there already is used as it is; only the server is started anew, so that it is the one just built.
 */
import { runOrThrow } from './command.ts';
import { applyDemo, demo, untilReplicating } from './demo-cluster.ts';
import { clusterProgram, serverProgram } from './paths.ts';
import { serverLog, startServer, stopServer } from './server-process.ts';
import { describeCluster, formatImages } from './test-cluster.ts';

const port = Number(process.env.PORT || 3000);
const url = `http://127.0.0.1:${port}/mcp`;

await runOrThrow(clusterProgram, ['up']);
const cluster = await describeCluster();

console.log(
  `\nPostgreSQL cluster ${demo.name} in namespace ${demo.namespace}, ${demo.instances} instances (about a minute) ...`,
);
await applyDemo(cluster);
await untilReplicating(cluster);

await stopServer();
await startServer(['serve', '--kubeconfig', cluster.kubeconfig], port, {
  ...process.env,
  CNPG_MCP_POSTGRES_IMAGES: formatImages(cluster.postgresImages),
});

const stdio = {
  command: process.execPath,
  args: [serverProgram, 'stdio', '--kubeconfig', cluster.kubeconfig],
};
console.log(`
The server runs: ${url}   (log: ${serverLog})

Claude Code:
  claude mcp add --transport http cnpg ${url}
VS Code:
  code --add-mcp '${JSON.stringify({ name: 'cnpg', type: 'http', url })}'
Cursor and others (mcp.json):
  ${JSON.stringify({ mcpServers: { cnpg: { url } } })}
Clients that start their servers (stdio):
  ${JSON.stringify({ mcpServers: { cnpg: stdio } })}

Then ask: "Is my PostgreSQL cluster ${demo.name} in namespace ${demo.namespace} healthy?"
To stop the server: make down`);
