import type { AccountOptions } from '../accounts/account-options.ts'
import { places } from '../accounts/discovery/found.ts'
import { confirm } from './ask.ts'
import type { Context } from './context.ts'
import type { Ways } from './find-settings.ts'
import { singleLine } from './printable.ts'

/** How a command looks for settings: by the account's way into the network, told on the terminal, and asking there what nothing proves. */
export function waysOf(context: Context, { proxy }: Pick<AccountOptions, 'proxy'>): Ways {
  return {
    onStep: (step) => context.notes.bar(`looking at ${places[step]} …`),
    ...(proxy !== undefined && { reach: { proxy } }),
    // Stdin may be where the password comes from: only a terminal is asked.
    ...(process.stdin.isTTY && {
      confirm: async ({ server, port, from }) => {
        context.notes.bar('')
        const host = singleLine(server)
        return await confirm(context, `${singleLine(from)} names ${host} port ${port}; is that your provider's server?`)
      },
    }),
  }
}
