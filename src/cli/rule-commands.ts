// Loads nothing: see main.ts.
import type { Command } from 'commander'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'

/** `postino delete`, `trash`, `retention`, `quota` and `hold`; what was asked for goes to `chosen`. */
export function ruleCommands(program: Command, chosen: (run: (context: Context) => Promise<ExitCode>) => void): void {
  program
    .command('delete <id...>')
    .description('put messages into the trash')
    .option('--user <name>', 'whose mail')
    .action((ids, options) =>
      chosen(async (context) => (await import('./trash.ts')).deleteMessages(context, ids, options)),
    )

  const trash = program.command('trash').description('what was deleted, and can still be had back').helpCommand(false)
  trash
    .command('list')
    .description('list what is in the trash, and when it goes')
    .option('--user <name>', 'whose mail')
    .action((options) => chosen(async (context) => (await import('./trash.ts')).listTrash(context, options)))
  trash
    .command('restore <id...>')
    .description('bring messages back to the mailboxes where they were')
    .option('--user <name>', 'whose mail')
    .action((ids, options) =>
      chosen(async (context) => (await import('./trash.ts')).restoreTrash(context, ids, options)),
    )
  trash
    .command('empty')
    .description('remove for good what is in the trash')
    .option('--user <name>', 'whose mail')
    .option('--yes', 'do not ask')
    .action((options) => chosen(async (context) => (await import('./trash.ts')).emptyTheTrash(context, options)))

  const retention = program.command('retention').description('what goes by itself, and when').helpCommand(false)
  retention
    .command('list')
    .description('list the rules')
    .option('--user <name>', 'only those that count for this user')
    .action((options) => chosen(async (context) => (await import('./retention.ts')).listRules(context, options)))
  retention
    .command('add')
    .description('add a rule; all that is said of a message must be true of it')
    .option('--user <name>', "for this user's mail (by default: for everybody's)")
    .option('--older-than <days>', 'received more than so many days ago')
    .option('--larger-than <amount>', 'of more octets than this: 500kB, 20MB')
    .option('--mailbox <name>', 'in this mailbox')
    .option('--below', 'or in one below it')
    .option('--account <address>', 'brought in by this remote account')
    .option('--even-flagged', 'flagged messages as well')
    .option('--remove', 'for good and at once, not into the trash')
    .action((options) => chosen(async (context) => (await import('./retention.ts')).addRule(context, options)))
  retention
    .command('remove <number>')
    .description('remove a rule')
    .action((id) => chosen(async (context) => (await import('./retention.ts')).removeRule(context, id)))
  retention
    .command('run')
    .description('apply the rules now (`serve` does it once a day)')
    .option('--user <name>', 'only to the mail of this user')
    .option('--dry-run', 'only say which messages would go, and why')
    .action((options) => chosen(async (context) => (await import('./retention.ts')).runRules(context, options)))

  program
    .command('quota [name] [amount]')
    .description('show how much a user keeps and may keep, or set that: 20GB, or none')
    .action((name, amount) => chosen(async (context) => (await import('./quota.ts')).quota(context, name, amount)))

  const hold = program.command('hold').description('legal holds: what is held is never removed').helpCommand(false)
  hold
    .command('add')
    .description('hold all the mail of a user, or what is named')
    .requiredOption('--why <text>', 'why: it is kept')
    .option('--user <name>', 'whose mail')
    .option('--mailbox <name>', 'what is or comes into this mailbox or one below it')
    .option('--account <address>', 'what came or comes by this remote account')
    .option('--message <id>', 'this message')
    .option('--by <name>', 'who says so (by default: your login name)')
    .action((options) => chosen(async (context) => (await import('./hold.ts')).addHold(context, options)))
  hold
    .command('list')
    .description('list the holds')
    .option('--user <name>', 'only those on the mail of this user')
    .option('--all', 'also those that were released')
    .action((options) => chosen(async (context) => (await import('./hold.ts')).listHolds(context, options)))
  hold
    .command('release <number>')
    .description('end a hold; that it was there is kept')
    .requiredOption('--why <text>', 'why: it is kept')
    .option('--user <name>', 'whose mail')
    .option('--by <name>', 'who says so (by default: your login name)')
    .action((id, options) => chosen(async (context) => (await import('./hold.ts')).releaseHold(context, id, options)))
}
