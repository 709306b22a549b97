import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const make = () => createMetrics({ version: '1.2.3', tools: ['list_things', 'drop_thing'] });

async function series(metrics: ReturnType<typeof make>, name: string): Promise<string[]> {
  const { body } = await metrics.text();
  return body.split('\n').filter((line) => line.startsWith(`${name}{`));
}

describe('metrics', () => {
  it('count tool calls by tool, effect and outcome', async () => {
    const metrics = make();
    metrics.toolCall({ tool: 'drop_thing', effect: 'destroy', outcome: 'confirmation_required' });
    metrics.toolCall({ tool: 'drop_thing', effect: 'destroy', outcome: 'done' });
    metrics.toolCall({ tool: 'drop_thing', effect: 'destroy', outcome: 'done' });
    expect(await series(metrics, 'cnpg_mcp_tool_calls_total')).toEqual([
      'cnpg_mcp_tool_calls_total{gen_ai_tool_name="drop_thing",effect="destroy",outcome="confirmation_required"} 1',
      'cnpg_mcp_tool_calls_total{gen_ai_tool_name="drop_thing",effect="destroy",outcome="done"} 2',
    ]);
  });

  it('time requests to Kubernetes by verb, kind and class of status', async () => {
    const metrics = make();
    metrics.kubernetesRequest({ verb: 'list', resource: 'clusters', status: 200, durationSeconds: 0.02 });
    metrics.kubernetesRequest({ verb: 'list', resource: 'clusters', status: 429, durationSeconds: 0.02 });
    metrics.kubernetesRequest({ verb: 'get', resource: 'pods/log', durationSeconds: 5 });
    expect(await series(metrics, 'http_client_request_duration_seconds_count')).toEqual([
      'http_client_request_duration_seconds_count{verb="list",resource="clusters",status_class="2xx"} 1',
      'http_client_request_duration_seconds_count{verb="list",resource="clusters",status_class="4xx"} 1',
      'http_client_request_duration_seconds_count{verb="get",resource="pods/log",status_class="error"} 1',
    ]);
  });

  it('keep to a bounded number of series, whatever callers send', async () => {
    const metrics = make();
    for (let index = 0; index < 1000; index += 1) {
      const invented = `invented-${index}`;
      metrics.operation({
        method: invented,
        tool: invented,
        protocolVersion: invented,
        transport: 'http',
        errorType: '-32601',
        durationSeconds: 0.1,
      });
      metrics.serverRequest({ method: invented, status: 404, durationSeconds: 0.1 });
    }
    expect(await series(metrics, 'mcp_server_operation_duration_seconds_count')).toHaveLength(1);
    expect(await series(metrics, 'http_server_request_duration_seconds_count')).toHaveLength(1);
    expect((await metrics.text()).body).not.toContain('invented');
  });

  it('of two servers in one process do not mix', async () => {
    const [one, two] = [make(), make()];
    one.overloaded();
    expect((await one.text()).body).toMatch(/^cnpg_mcp_overloaded_total 1$/m);
    expect((await two.text()).body).toMatch(/^cnpg_mcp_overloaded_total 0$/m);
  });
});
