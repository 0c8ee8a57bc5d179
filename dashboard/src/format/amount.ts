/** Amounts, rates and shares in words that people use. */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const BYTE_UNITS = new Set(["byte", "bytes", "b"]);

export function count(value: number): string {
  return (Number.isInteger(value) || value >= 100 ? WHOLE : SHORT).format(value);
}

/** `512 bytes`, `1.2 kB`, `34 MB`: powers of 1000. */
export function bytes(value: number): string {
  if (value < 1000) return `${WHOLE.format(value)} ${value === 1 ? "byte" : "bytes"}`;
  const units = ["kB", "MB", "GB", "TB"];
  let scaled = value;
  let unit = "";
  for (const next of units) {
    if (scaled < 999.5) break;
    scaled /= 1000;
    unit = next;
  }
  return `${scaled < 10 ? scaled.toFixed(1) : WHOLE.format(scaled)} ${unit}`;
}

/** `1,204 of 3,000 files`, `2.1 of 8.0 MB`; null where nothing was counted. */
export function amount(
  current: number | null | undefined,
  total: number | null | undefined,
  unit: string | null | undefined,
): string | null {
  if (current == null && total == null) return null;
  const say = isBytes(unit) ? bytes : count;
  const suffix = unit && !isBytes(unit) ? ` ${unit}` : "";
  if (current == null) return `of ${say(total ?? 0)}${suffix}`;
  if (total == null) return `${say(current)}${suffix}`;
  return `${say(current)} of ${say(total)}${suffix}`;
}

/** `34 files/s`, `1.2 MB/s`, `5 posts/min`; null before there is a pace. */
export function rate(
  current: number | null | undefined,
  unit: string | null | undefined,
  elapsedMs: number,
): string | null {
  if (!current || elapsedMs < 1000) return null;
  const perSecond = current / (elapsedMs / 1000);
  if (isBytes(unit)) return `${bytes(perSecond)}/s`;
  const suffix = unit ? ` ${unit}` : "";
  if (perSecond >= 1) return `${count(perSecond >= 10 ? Math.round(perSecond) : perSecond)}${suffix}/s`;
  if (perSecond * 60 >= 1) return `${count(perSecond * 60)}${suffix}/min`;
  return `${count(perSecond * 3600)}${suffix}/h`;
}

/** Rounded down, so that 100 % means that it is all done. */
export function percent(fraction: number | null | undefined): string {
  if (fraction == null) return "–";
  if (fraction > 0 && fraction < 0.01) return "<1%";
  return `${Math.floor(Math.min(1, fraction) * 100 + 1e-9)}%`;
}

/** `3 posts`, `1 post`. */
export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

function isBytes(unit: string | null | undefined): boolean {
  return BYTE_UNITS.has((unit ?? "").toLowerCase());
}
