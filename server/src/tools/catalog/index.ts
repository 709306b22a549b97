/** Every tool of this server. A new one is added here, and nowhere else. */
import type { Tool } from '../define-tool.ts';

export const catalogue: readonly Tool[] = [];
