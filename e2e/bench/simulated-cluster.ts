/** A simulated cluster in a process of its own: `simulated-cluster.ts KUBECONFIG COUNT` writes the kubeconfig there. */
import { writeFile } from 'node:fs/promises';
import { startSimulator } from '../simulator/index.ts';
import { populateMany } from '../simulator/scenes.ts';

const [kubeconfig, count] = process.argv.slice(2);
if (!kubeconfig || !count) throw new Error('usage: simulated-cluster.ts KUBECONFIG COUNT');
const simulator = await startSimulator({ operator: false });
populateMany(simulator, Number(count));
await writeFile(kubeconfig, simulator.kubeconfig, { mode: 0o600 });
console.log(simulator.url);
process.once('SIGTERM', () => simulator.close());
