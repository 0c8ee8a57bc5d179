import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The tests see the sources; what is built and packed has a test of its own. */
const sources = {
  "@milepost/client": here("client/src/index.ts"),
  "@milepost/react": here("react/src/index.ts"),
};

const react18 = (name: string) => here(`react-18/node_modules/${name}`);

export default defineConfig({
  test: {
    root: here("."),
    testTimeout: 20_000,
    hookTimeout: 20_000,
    projects: [
      {
        resolve: { alias: sources },
        extends: true,
        test: { name: "client", include: ["client/tests/**/*.test.ts"], environment: "node" },
      },
      {
        resolve: { alias: sources },
        extends: true,
        test: { name: "react 19", include: ["react/tests/**/*.test.tsx"], environment: "happy-dom" },
      },
      {
        resolve: {
          alias: [
            ...Object.entries(sources).map(([find, replacement]) => ({ find, replacement })),
            { find: /^react$/, replacement: react18("react/index.js") },
            { find: /^react\/jsx-(dev-)?runtime$/, replacement: react18("react/jsx-$1runtime.js") },
            { find: /^react-dom\/(client|server)$/, replacement: react18("react-dom/$1.js") },
          ],
        },
        extends: true,
        test: { name: "react 18", include: ["react/tests/**/*.test.tsx"], environment: "happy-dom" },
      },
      {
        // On what is built, as users have it.
        extends: true,
        test: {
          name: "packages",
          include: ["docs/**/*.test.ts", "packages/**/*.test.ts"],
          environment: "node",
        },
      },
    ],
  },
});
