/** `make image`: makes the image, says where it is, and loads it into the cluster that is up. */
import { stat } from 'node:fs/promises';
import { engineAnswers, makeFromDockerfile, makeWithoutEngine } from './make.ts';

const { name, archive } = (await engineAnswers()) ? await makeFromDockerfile() : await makeWithoutEngine();
const { size } = await stat(archive);
console.log(`${name} (${(size / 1e6).toFixed(1)} MB): ${archive}
To use it on the cluster of this project: e2e/clusters/cluster load-image ${archive}`);
