#!/usr/bin/env node
// Runs the compiled program, or in a checkout the sources. An older Node hands over to the one that came with the checkout.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 7)) {
  // Imported here, for Node 20 has no such names.
  const { enableCompileCache } = await import('node:module')
  const { codeCacheFolder } = await import('./code-cache.js')
  const folder = codeCacheFolder()
  if (folder !== undefined) enableCompileCache(folder)
  const { resolveOwnImports } = await import('./own-imports.js')
  const sources = new URL('../src/cli/main.ts', import.meta.url)
  const main = existsSync(sources) ? sources : new URL('../dist/cli/main.js', import.meta.url)
  resolveOwnImports(new URL('../', main).href)
  await import(main.href)
} else {
  const newer = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
  if (!existsSync(newer)) {
    console.error(
      `postino: needs Node.js 24.7 or newer; this is ${process.versions.node}. In a checkout, \`npm ci\` brings its own.`,
    )
    process.exit(1)
  }
  const { spawn } = await import('node:child_process')
  const child = spawn(newer, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
}
