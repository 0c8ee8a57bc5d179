import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a server: `milepost serve` listens there by default. */
const server = process.env.MILEPOST_SERVER ?? "http://127.0.0.1:6453";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The policy allows no inline scripts, and every browser of that age preloads modules by itself.
    modulePreload: { polyfill: false },
    // The policy allows no `data:` addresses.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    // The host stays as the browser has it: the server takes nothing from pages of other origins.
    proxy: Object.fromEntries(
      ["/v1", "/api", "/openapi.json"].map((path) => [path, { target: server, ws: true }]),
    ),
  },
});
