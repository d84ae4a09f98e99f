// Reads TypeScript and writes it without its types, so that any Node runs it: node strip.mjs <guide.ts >guide.mjs
import { readFileSync } from "node:fs";
import swc from "@swc/wasm-typescript";

const { code } = await swc.transform(readFileSync(0, "utf8"), { mode: "strip-only" });
process.stdout.write(code);
