/** Arithmetic of IPv4 address blocks. */
import { isIPv6 } from 'node:net';

/** Whether a block, `fd00::/8`, is one of IPv6. */
export function isIPv6Block(cidr: string): boolean {
  return isIPv6(cidr.slice(0, cidr.lastIndexOf('/')));
}

interface Block {
  /** First address, as a number below 2^32. */
  first: number;
  /** Length of the prefix in bits. */
  bits: number;
}

/** `cidr` without what lies in `except`, as the fewest blocks, in ascending order. Throws for what is no block of IPv4. */
export function without(cidr: string, except: readonly string[]): string[] {
  return except
    .map(parse)
    .reduce((blocks, taken) => blocks.flatMap((block) => cut(block, taken)), [parse(cidr)])
    .map(format);
}

/** Halves the block until each half is either free of `taken` or lies in it. */
function cut(block: Block, taken: Block): Block[] {
  if (covers(taken, block)) return [];
  if (!covers(block, taken)) return [block];
  const bits = block.bits + 1;
  const halves = [block.first, block.first + 2 ** (32 - bits)];
  return halves.flatMap((first) => cut({ first, bits }, taken));
}

/** Blocks either lie in each other or have nothing in common. */
function covers(outer: Block, inner: Block): boolean {
  return outer.bits <= inner.bits && firstOf(inner.first, outer.bits) === outer.first;
}

/** First address of the block of that size which an address lies in. */
function firstOf(address: number, bits: number): number {
  const size = 2 ** (32 - bits);
  return Math.floor(address / size) * size;
}

function parse(cidr: string): Block {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = (match ?? []).slice(1).map(Number);
  if (bits > 32 || Math.max(a, b, c, d) > 255) throw new TypeError(`${cidr} is no block of IPv4 addresses.`);
  return { first: firstOf(((a * 256 + b) * 256 + c) * 256 + d, bits), bits };
}

function format({ first, bits }: Block): string {
  const bytes = [24, 16, 8, 0].map((shift) => (first >>> shift) & 255);
  return `${bytes.join('.')}/${bits}`;
}
