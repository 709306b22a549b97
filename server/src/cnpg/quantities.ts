/** Quantities as Kubernetes writes them: `10Gi`, `500M`, `1e9`, `0.5Ti`. */

const factors: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Signs are left out: no size here is negative. */
const quantityPattern = /^(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2}|[mkMGTPE]|[KMGTPE]i)?$/;

/** Bytes, rounded up as the API server does; `undefined` when it is not a quantity. Exact up to 8 PiB. */
export function parseQuantity(text: string | undefined): number | undefined {
  const match = quantityPattern.exec(text ?? '');
  if (!match) return undefined;
  const [, number = '', , suffix = ''] = match;
  const bytes = /^[eE][+-]?\d/.test(suffix)
    ? Number(number + suffix)
    : Number(number) * (factors[suffix] ?? 1);
  return Math.ceil(bytes);
}

/** Bytes with the largest binary unit that keeps the number readable: `10Gi`, `1.5Ti`, `400Mi`. */
export function formatBytes(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(value < 10 ? 1 : 0))}${units[unit]}`;
}
