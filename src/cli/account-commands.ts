// Loads nothing: see main.ts.
import type { Command } from 'commander'
import type { Context } from './context.ts'
import type { ExitCode } from './failure.ts'
import { gather } from './gather.ts'

/** `postino account …`; what was asked for goes to `chosen`. */
export function accountCommands(
  program: Command,
  chosen: (run: (context: Context) => Promise<ExitCode>) => void,
): void {
  const account = program.command('account').description('remote accounts to fetch from').helpCommand(false)
  const add = account
    .command('add <address>')
    .description('add an account, after trying its log-in')
    .option('--user <name>', 'whose mail it is (usual: of the only user)')
    .option('--no-check', 'do not try the log-in')
    .option('--offline', 'look nothing up on the network')
  settings(add)
    .addHelpText('after', examples)
    .action((address, options) =>
      chosen(async (context) => (await import('./account-add.ts')).addAccount(context, address, options)),
    )
  const set = account
    .command('set <address>')
    .description('change how an account is fetched: what is named here; `usual` takes an option back')
    .option('--no-check', 'do not try the log-in')
  settings(set).action((address, options) =>
    chosen(async (context) => (await import('./account-set.ts')).setAccount(context, address, options)),
  )
  account
    .command('list')
    .description('list the accounts, and how their last fetch ended')
    .option('--user <name>', 'only this user')
    .action((options) => chosen(async (context) => (await import('./account.ts')).listAccounts(context, options)))
  account
    .command('show <address>')
    .description('show an account: its settings, how it goes, what could not be fetched and why')
    .action((address) => chosen(async (context) => (await import('./account-show.ts')).showAccount(context, address)))
  account
    .command('test [address...]')
    .description('try the log-in of all accounts, or of these')
    .action((addresses) => chosen(async (context) => (await import('./account.ts')).testAccounts(context, addresses)))
  account
    .command('login <address>')
    .description('log in at the issuer of an account anew (OAuth 2.0)')
    .option('--device', 'no browser here: a code is shown, to be typed in elsewhere')
    .action((address, options) =>
      chosen(async (context) => (await import('./account-login.ts')).loginAccount(context, address, options)),
    )
  account
    .command('remove <address>')
    .description('remove an account; the mail that was fetched stays')
    .action((address) => chosen(async (context) => (await import('./account.ts')).removeAccount(context, address)))
}

const examples = `
Examples:
  postino account add mario.rossi@libero.it
  postino account add mario@example.it --server pop.example.it --leave 30`

/** What may be said of an account, when it is added and later. */
function settings(command: Command): Command {
  return command
    .optionsGroup('Where it is:')
    .option('--protocol <protocol>', 'pop3 or imap (usual: what the provider has)')
    .option('--server <host[:port]>', 'the server of the provider (usual: it is looked up)')
    .option('--tls <how>', 'implicit, starttls or none (usual: starttls on ports 110 and 143, else implicit)')
    .option('--proxy <url>', 'the way there: socks5://[USER@]HOST:PORT or http://[USER@]HOST:PORT')
    .option('--pin <sha256>', 'only a certificate of the server with this SHA-256 is good (repeatable)', gather)
    .option('--trust <file>', 'trust the certificates in this file too (PEM)')
    .option('--client-certificate <file>', 'show the server this certificate (PEM)')
    .option('--client-key <file>', 'its key (PEM)')
    .optionsGroup('How to log in:')
    .option('--login <login>', 'what to log in as (usual: the address)')
    .option('--password-stdin', 'read the password from the first line of stdin')
    .option('--password-command <command>', 'the password is what this prints, each time')
    .option('--keyring', "keep the password in the system's keyring")
    .option('--auth <how>', 'password, or oauth: by a browser')
    .option('--issuer <name>', 'of OAuth 2.0: google, microsoft … (usual: the one of the provider)')
    .option('--client-id <id>', 'of OAuth 2.0: the client id that you have registered')
    .option('--device', 'of OAuth 2.0: no browser here; a code is shown, to be typed in elsewhere')
    .option('--allow <mechanism>', 'also log in by CRAM-MD5 or APOP, which are weak (repeatable)', gather)
    .optionsGroup('What stays there of what is home:')
    .option('--leave <how>', 'forever (usual), delete, DAYS, newest:N, 700MB or 70%')
    .option('--room <amount>', 'how much room the provider gives, such as 1GB: what a share is of')
    .optionsGroup('What comes, and when:')
    .option('--every <time>', 'how often `serve` fetches: 90s, 15m, 2h; 0: only when told to')
    .option('--largest <amount>', 'larger messages wait there, such as 20MB')
    .option('--beyond <what>', 'of larger ones: skip (usual), or header: that comes')
    .option('--first <what>', 'what is fetched first: listed (usual: the order of the server), small or new')
    .option('--per-day <amount>', 'fetch no more than this a day')
    .optionsGroup('Which mailboxes, and where mail goes:')
    .option('--only <mailbox>', 'by IMAP: only this mailbox; * stands for any text (repeatable)', gather)
    .option('--except <mailbox>', 'by IMAP: not this one (repeatable)', gather)
    .option('--mailbox <name>', 'where new mail goes (usual: INBOX)')
    .option('--split <address=user>', 'mail for this address is for this user (repeatable)', gather)
    .option('--split-otherwise <user>', 'who gets what is for nobody named')
    .option('--split-field <name>', 'the header field that names the recipient (repeatable)', gather)
    .option('--split-prefix <text>', 'what stands before the address in that field')
    .option(
      '--hand-on <url>',
      'new mail goes there as well: imaps://LOGIN@HOST/MAILBOX, smtps:, lmtp:, maildir:, command: (repeatable)',
      gather,
    )
    .option('--hand-on-all', 'what came home before goes there, too')
}
