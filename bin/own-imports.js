// A third of a short command's time went into finding files whose place was known: see docs/decisions/code-cache.md.
import { registerHooks } from 'node:module'

/**
 * Resolves what the files below `root` import from one another: they name each file as it is, so nothing need be looked for.
 * @param {string} root a URL that ends in a slash
 */
export function resolveOwnImports(root) {
  registerHooks({
    resolve: (specifier, context, next) => {
      const { parentURL } = context
      const isOwn = /^\.\.?\/.*\.[jt]s$/.test(specifier) && parentURL?.startsWith(root) === true
      if (!isOwn) return next(specifier, context)
      const { href } = new URL(specifier, parentURL)
      return href.startsWith(root) ? { url: href, shortCircuit: true } : next(specifier, context)
    },
  })
}
