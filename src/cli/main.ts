// Loads nothing but commander: each command brings what it needs, so that a short one stays short.
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { accountCommands } from './account-commands.ts'
import { type Context, contextOf, type GlobalOptions } from './context.ts'
import type { ExitCode } from './failure.ts'
import { gather } from './gather.ts'
import { ruleCommands } from './rule-commands.ts'
import { userCommands } from './user-commands.ts'

type Run = (context: Context) => Promise<ExitCode>

/** Runs `postino` with these words; gives the exit code. */
async function main(words: readonly string[]): Promise<number> {
  let run: Run | undefined
  const program = commands(words, (chosen) => (run = chosen))
  try {
    program.parse([...words], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
  if (run === undefined) return 0
  const context = contextOf(program.opts<GlobalOptions>())
  try {
    const code = await run(context)
    await context.output.flush()
    return code
  } catch (error) {
    const { describeFailure, exitCodeOf } = await import('./failure.ts')
    context.notes.bar('')
    context.notes.failure(`postino: ${describeFailure(error)}`)
    if (debug() && error instanceof Error) context.notes.failure(error.stack ?? '')
    await context.output.flush().catch(() => undefined)
    return exitCodeOf(error)
  }
}

/** The commands; the one that these words ask for goes to `chosen`. */
function commands(words: readonly string[], chosen: (run: Run) => void): Command {
  const program = new Command('postino')
    .description('Brings your mail home by POP3, keeps it for good, and hands it out again to every device.')
    .option('--data <folder>', 'the data folder (or POSTINO_DATA in the environment)')
    .option('--json', 'one JSON value, or JSON lines, on stdout and nothing else there')
    .option('--quiet', 'no notes and no progress on stderr')
    .option('-V, --version', 'say which version this is')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const fault = text
          .replace(/^error: /, '')
          .trim()
          .replace(/\s*\n\s*/g, ' ')
        const named = commandOf(program, words)
        const form = fault.startsWith('missing required argument')
          ? `; write it so: ${named.form} ${named.command.usage()}`
          : fault.startsWith('unknown ')
            ? `; \`${named.form} --help\` lists what there is`
            : ''
        write(`postino: ${fault}${form}\n`)
      },
    })
    .addHelpText('afterAll', ({ command }) =>
      command.parent === null
        ? '\nExit codes: 0 done, 1 something failed, 2 wrong usage, 75 try later.'
        : '\n--data, --json and --quiet count here, too: see `postino --help`.',
    )
  program.on('option:version', () => {
    process.stdout.write(`postino ${ownVersion()}\n`)
    throw new CommanderError(0, 'postino.version', '')
  })

  program
    .command('serve')
    .description('run everything: listeners, the fetch schedule, the search index')
    .option('--listen <service=address:port>', 'listen here, and only where --listen says (repeatable)', gather)
    .option('--workers <number>', 'serve connections by so many processes; 0: by this one')
    .action((options) => chosen(async (context) => (await import('./serve.ts')).serve(context, options)))

  userCommands(program, chosen)

  accountCommands(program, chosen)

  program
    .command('fetch [address...]')
    .description('fetch now, from all accounts or from these')
    .option('--user <name>', 'only the accounts of this user')
    .option('--dry-run', 'only say what would be fetched and deleted, and why')
    .option('--message <id>', 'fetch the whole message of which only the header is here')
    .action((addresses, options) =>
      chosen(async (context) => (await import('./fetch.ts')).fetch(context, addresses, options)),
    )
  program
    .command('import <path...>')
    .description('bring in .eml files, folders of them, mbox, Maildir, or - for one message on stdin')
    .option('--user <name>', 'whose mail it is')
    .option('--mailbox <name>', 'where it goes', 'INBOX')
    .option('--unique-ids <file>', 'unique-ids of an earlier server: lines of unique-id, tab, SHA-256 or Message-ID')
    .option('--uidl-format <format>', "Dovecot's pop3_uidl_format, where it was not the usual one")
    .option('--x-uidl', 'take unique-ids from the X-UIDL field of messages')
    .action((paths, options) =>
      chosen(async (context) => (await import('./import.ts')).importPaths(context, paths, options)),
    )
  program
    .command('migrate <path...>')
    .description('take over accounts of fetchmail, getmail, mpop or Thunderbird, and what they have fetched')
    .option('--user <name>', 'whose mail it is')
    .option('--from <program>', 'fetchmail, getmail, mpop or thunderbird (by default: what the files look like)')
    .option('--dry-run', 'only say what would be taken over')
    .action((paths, options) =>
      chosen(async (context) => (await import('./migrate.ts')).migrate(context, paths, options)),
    )
  program
    .command('export <folder>')
    .description('write the mail out as files')
    .option('--user <name>', 'whose mail')
    .option('--format <format>', 'maildir, mbox or eml', 'maildir')
    .option('--mailbox <name>', 'only this mailbox')
    .action((folder, options) =>
      chosen(async (context) => (await import('./export.ts')).exportTo(context, folder, options)),
    )
  program
    .command('list')
    .description('list the messages, the newest last')
    .option('--user <name>', 'whose mail')
    .option('--mailbox <name>', 'only this mailbox')
    .option('--limit <number>', 'only the last so many')
    .action((options) => chosen(async (context) => (await import('./list.ts')).list(context, options)))
  program
    .command('show <id>')
    .description('show a message')
    .option('--user <name>', 'whose mail')
    .option('--raw', 'its octets, exactly as they came')
    .action((id, options) => chosen(async (context) => (await import('./show.ts')).show(context, id, options)))
  program
    .command('search <query...>')
    .description('search: words, "phrases", from: subject: after: larger: is:unread …, OR, -not, ( )')
    .option('--user <name>', 'whose mail')
    .option('--limit <number>', 'at most so many')
    .option('--sort <order>', 'date (the newest first, as usual), oldest or relevance')
    .option('--thread', 'the whole threads in which something is found')
    // `-luce` is what a message is not to have, not an option.
    .allowUnknownOption()
    .action((query, options) =>
      chosen(async (context) => (await import('./search.ts')).search(context, query, options)),
    )
  ruleCommands(program, chosen)

  program
    .command('check')
    .description('verify every message against its hash, and the index against the segments')
    .option('--user <name>', 'only the mail of this user')
    .option('--rebuild', 'make the index again from the segments first')
    .option('--repair', 'bring damaged messages back: from other users, from where they were fetched, or from --from')
    .option('--from <backup>', 'with --repair: a backup, or a copy of a data folder')
    .option('--status', 'only tell what the last check found, and how far the one of `serve` is')
    .action((options) => chosen(async (context) => (await import('./check.ts')).check(context, options)))
  program
    .command('settle')
    .description('make the mail take up less room now: removed messages leave, the rest is compressed')
    .option('--user <name>', 'only the mail of this user')
    .action((options) => chosen(async (context) => (await import('./settle.ts')).settle(context, options)))
  program
    .command('backup <target>')
    .description('copy all that is new to a folder or to s3://bucket/prefix, while everything runs, and verify it')
    .option('--list', 'only list the backups there')
    .option('--check', 'only read all backups there and verify them')
    .option('--keep <number>', 'then remove all backups but the last so many')
    .option('--keep-days <days>', 'then remove backups that are older; the newest stays')
    .option('--endpoint <url>', "of s3://: the server, where it is not Amazon's (or AWS_ENDPOINT_URL)")
    .option('--region <name>', 'of s3://: the region (or AWS_REGION)')
    .option('--read-back', 'of s3://: read again what was written, beside comparing checksums')
    .action((target, options) =>
      chosen(async (context) => (await import('./backup.ts')).backup(context, target, options)),
    )
  program
    .command('restore <source>')
    .description('bring a backup back into an empty data folder, or users or messages into one that is in use')
    .option('--into <folder>', 'the data folder that is to be made, or that messages are put into (by default: --data)')
    .option('--at <time>', 'the newest backup that is not later: 2026-11-28, "2026-11-28 14:05"')
    .option('--backup <number>', 'this backup (by default: the newest)')
    .option('--user <name>', 'only this user (repeatable)', gather)
    .option('--message <id>', 'only this message, as it was numbered then (repeatable)', gather)
    .option('--mailbox <name>', 'messages go there (by default: where they were)')
    .option('--endpoint <url>', 'of s3://, as with `backup`')
    .option('--region <name>', 'of s3://, as with `backup`')
    .action((source, options) =>
      chosen(async (context) => (await import('./restore.ts')).restore(context, source, options)),
    )
  program
    .command('doctor <server>')
    .description('examine a POP3 server: pop3s://USER@HOST:PORT, pop3://USER@HOST:PORT, or an address')
    .option('--tls <how>', 'implicit, starttls or none (by default: what the URL says)')
    .option('--server <host[:port]>', 'for an address: the server, where it is neither an account nor a known provider')
    .option('--login <login>', 'what to log in as')
    .option('--password-stdin', 'read the password from the first line of stdin')
    .option('--certificate <file>', 'trust this certificate too (PEM)')
    .option('--no-verify', 'log in although the certificate is not trusted')
    .option('--destructive', 'also what removes a message, tries wrong passwords, or strains the server')
    .option('--timeout <seconds>', 'how long one answer may take', '20')
    .option('--only <rule>', 'only this rule (repeatable)', gather)
    .option('--except <rule>', 'not this rule (repeatable)', gather)
    .option('--all', 'show the rules that hold, too')
    .action((server, options) =>
      chosen(async (context) => (await import('./doctor.ts')).doctor(context, server, options)),
    )
  return program
}

/** The command that these words begin with, and how it is written. */
function commandOf(program: Command, words: readonly string[]): { form: string; command: Command } {
  let form = program.name()
  let command = program
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word)
    if (next === undefined) continue
    command = next
    form += ` ${word}`
  }
  return { form, command }
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function debug(): boolean {
  return process.env['POSTINO_DEBUG'] === '1'
}

process.exit(await main(process.argv.slice(2)))
