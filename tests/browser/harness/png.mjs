/** A real picture, so that browsers have something to decode. */
import { crc32, deflateSync } from "node:zlib";

/** A gradient between two colours `[r, g, b]`, as PNG. */
export function png(width, height, from, to) {
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const share = (x / width + y / height) / 2;
      for (let c = 0; c < 3; c += 1)
        rows[y * (width * 3 + 1) + 1 + x * 3 + c] = from[c] + (to[c] - from[c]) * share;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  // `crc32` came with Node 20.15.
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
