/** The production application with one tool that always answers the same: what is measured is the protocol around it. */
import type { McpSurface } from '../../server/src/mcp/surface.ts';
import { serve } from '../conformance/server.ts';

const tool = {
  name: 'constant',
  title: 'Constant',
  description: 'Answers the same to everything.',
  inputSchema: { type: 'object' as const, properties: {} },
  outputSchema: { type: 'object' as const, properties: {} },
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
};
const tools = [tool];
const answer = {
  kind: 'answer' as const,
  isError: false,
  text: 'x'.repeat(500),
  structured: { text: 'x'.repeat(500) },
};

const surface: McpSurface = {
  info: { name: 'bench', title: 'Bench', version: '1' },
  instructions: '',
  tools: { list: () => tools, call: async () => answer },
};
const server = await serve(surface);
console.log(server.url);
process.once('SIGTERM', () => server.close());
