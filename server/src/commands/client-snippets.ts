/** Lines to paste into MCP clients. */

/** For a server on HTTP. */
export function clientSnippets(url: string): string {
  return `Claude Code:
  claude mcp add --transport http cnpg ${url}
VS Code:
  code --add-mcp '${JSON.stringify({ name: 'cnpg', type: 'http', url })}'
Cursor and others (mcp.json):
  ${JSON.stringify({ mcpServers: { cnpg: { url } } })}`;
}
