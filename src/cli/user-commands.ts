// Loads nothing: see main.ts.
import type { Command } from 'commander'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'

/** `postino user …`; what was asked for goes to `chosen`. */
export function userCommands(program: Command, chosen: (run: (context: Context) => Promise<ExitCode>) => void): void {
  const user = program.command('user').description('local users').helpCommand(false)
  user
    .command('add <name>')
    .description('add a user')
    .option('--password-stdin', 'read the password from the first line of stdin')
    .action((name, options) => chosen(async (context) => (await import('./user.ts')).addUser(context, name, options)))
  user
    .command('list')
    .description('list the users')
    .action(() => chosen(async (context) => (await import('./user.ts')).listUsers(context)))
  user
    .command('password <name>')
    .description("change a user's password")
    .option('--password-stdin', 'read the password from the first line of stdin')
    .option('--apop', 'keep it such that it can be recovered, so that the user can log in by APOP')
    .option('--no-apop', 'do so no more')
    .action((name, options) =>
      chosen(async (context) => (await import('./user.ts')).setPassword(context, name, options)),
    )
  user
    .command('remove <name>')
    .description('remove a user, the accounts, and all the mail kept here')
    .option('--yes', 'do not ask')
    .action((name, options) =>
      chosen(async (context) => (await import('./user.ts')).removeUser(context, name, options)),
    )

  const maildrop = user.command('maildrop').description('what POP3 clients see and delete').helpCommand(false)
  maildrop
    .command('show <name>')
    .description('show what is in the maildrop of a user, or of a device (NAME+DEVICE), and its settings')
    .action((name) => chosen(async (context) => (await import('./user-maildrop.ts')).showMaildrop(context, name)))
  maildrop
    .command('set <name>')
    .description("change the settings of a user's maildrops")
    .option('--dele <what>', 'what DELE means: hide (kept here), trash (purged later) or expunge (gone for good)')
    .option('--trash-days <days>', 'purge the trash after so many days')
    .option('--expire <days>', 'show messages for so many days after they were stored, or: never')
    .option('--login-delay <seconds>', 'the least time between two log-ins')
    .option('--new-devices <start>', 'what a new device begins with: all, or what is new')
    .action((name, options) =>
      chosen(async (context) => (await import('./user-maildrop.ts')).setMaildrop(context, name, options)),
    )
  maildrop
    .command('reset <name>')
    .description('bring back what a client deleted from the maildrop of a user, or of a device (NAME+DEVICE)')
    .action((name) => chosen(async (context) => (await import('./user-maildrop.ts')).resetMaildropOf(context, name)))

  const device = user.command('device').description('maildrops of single devices').helpCommand(false)
  device
    .command('list <name>')
    .description('list the devices of a user')
    .action((name) => chosen(async (context) => (await import('./user-device.ts')).listDevices(context, name)))
  device
    .command('remove <device>')
    .description('forget a device (NAME+DEVICE), and what it has deleted')
    .action((name) => chosen(async (context) => (await import('./user-device.ts')).removeDevice(context, name)))
}
